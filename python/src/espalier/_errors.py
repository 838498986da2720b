"""What can go wrong, as exceptions that a program can distinguish."""

from __future__ import annotations

from typing import Optional, Tuple


class Error(Exception):
    """An error of espalier. `str()` is the sentence; the attributes are what it is about.

    Attributes:
        kind: one word, such as `"notFound"`, `"malformed"` or `"matchesNothing"`.
        path: the file, or `None`.
        key: the tensor, or `None`.
        selector: the selector as it was passed, or `None`.
        offset: the byte in the file, or the character in the selector, or `None`.
        suggestions: selectors that select something and resemble the one that selects nothing.
    """

    def __init__(self, message: str, *, kind: str = "other", path: Optional[str] = None, key: Optional[str] = None,
                 selector: Optional[str] = None, offset: Optional[int] = None, suggestions: Tuple[str, ...] = ()):
        super().__init__(message)
        self.kind = kind
        self.path = path
        self.key = key
        self.selector = selector
        self.offset = offset
        self.suggestions = suggestions


class CheckpointError(Error):
    """A file cannot be opened, read or written, or is not sound."""


class SurgeryError(Error, ValueError):
    """A selector, a rule or a mask cannot be used: it is not written correctly, or it selects nothing."""


class MaskMismatchError(SurgeryError):
    """A mask belongs to another checkpoint or model."""


class MisuseError(Error, ValueError):
    """A checkpoint is closed, or an argument cannot be used."""


class NumpyDTypeError(Error, TypeError):
    """numpy has no such element type; `kind` is `"needsMLDTypes"` when the package ml_dtypes brings one."""


class MaskWarning(UserWarning):
    """Something about a mask that is allowed and probably not meant."""

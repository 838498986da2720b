"""Freeze masks, and the proof that frozen tensors did not change."""

from __future__ import annotations

import ctypes
import os
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple, Union

from . import _errors, _library
from ._checkpoint import Checkpoint, open as open_checkpoint

if TYPE_CHECKING:
    import torch

#: `True` trains, `False` is frozen, a list of (start, end) trains these rows of dimension 0.
State = Union[bool, List[Tuple[int, int]]]
Source = Union[str, "os.PathLike[str]", Checkpoint]

_FREEZE, _TRAIN = 0, 1


class Warned(NamedTuple):
    """Something about a mask that is allowed and probably not meant."""

    #: `"frozenSibling"`, `"splitTie"` or `"cannotTrain"`.
    kind: str
    key: str
    other: Optional[str]
    message: str


class Mask(Mapping[str, State]):
    """Which tensors train: a mapping from key to `True` (trains), `False` (frozen) or the rows that train.

        mask = espalier.Mask.create("model", train=["linear"], freeze=["linear[0].bias"])
        mask.save("freeze.json")
        mask.apply(model)
    """

    def __init__(self, handle: "_library.Handle"):
        self._handle = handle
        start, count = _library.array("mask_entries", _library.MaskEntry, handle)
        states: Dict[str, State] = {}
        for i in range(count):
            entry = start[i]
            states[str(entry.key)] = (
                _library.ranges(entry.rows, entry.row_range_count) if entry.state == 2 else entry.state == 1)
        self._states = states
        # For each further name of a tied tensor another one; known after `espalier.torch.freeze`.
        self._ties: Dict[str, str] = {}
        start, count = _library.array("mask_warnings", _library.MaskWarningEntry, handle)
        kinds = ("frozenSibling", "splitTie", "cannotTrain")
        #: What is probably not meant, of a mask that was created by selectors.
        self.warnings = [
            Warned(kinds[start[i].kind], str(start[i].key), str(start[i].other) or None, str(start[i].message))
            for i in range(count)]

    # ---- Make, read, write ----

    @classmethod
    def create(cls, checkpoint: Source, *, train: Union[str, Sequence[str]] = (), freeze: Union[str, Sequence[str]] = (),
               warn: bool = True) -> "Mask":
        """A mask for a checkpoint from selectors, as `espalier mask create` makes it.

        What `train` selects trains, but for what `freeze` selects, and everything else is frozen; with `freeze` alone,
        everything else trains.

        Raises:
            SurgeryError: a selector is not written correctly or selects nothing, or nothing would train.
        """
        source = opened(checkpoint)
        mask = cls._of(source._open, rules(train, freeze))
        if warn:
            mask.warn()
        return mask

    @classmethod
    def _of(cls, source: "_library.Handle", ordered: Iterable[Tuple[int, str]]) -> "Mask":
        made = [_library.Rule(kind, _library.encoded(selector)) for kind, selector in ordered]
        return cls(_library.Handle("mask_create", source, (_library.Rule * len(made))(*made), len(made)))

    @classmethod
    def load(cls, path: Union[str, "os.PathLike[str]"]) -> "Mask":
        """Reads a mask file.

        Raises:
            CheckpointError: the file cannot be read.
            SurgeryError: it is not a mask.
        """
        return cls(_library.Handle("mask_read", _library.encoded_path(path)))

    @classmethod
    def parse(cls, text: Union[str, bytes]) -> "Mask":
        """Reads the text of a mask file.

        Raises:
            SurgeryError: it is not a mask.
        """
        data = text.encode("utf-8") if isinstance(text, str) else bytes(text)
        return cls(_library.Handle("mask_parse", data, len(data)))

    def save(self, path: Union[str, "os.PathLike[str]"]) -> None:
        """Writes the mask file, which appears complete or not at all.

        Raises:
            CheckpointError: the file cannot be written.
        """
        _library.call("mask_write", self._handle, _library.encoded_path(path))

    @property
    def text(self) -> str:
        """The text of the mask file."""
        found = _library.Text()
        _library.call("mask_text", self._handle, ctypes.byref(found))
        return str(found)

    def __reduce__(self):
        return Mask.parse, (self.text,)

    # ---- The mapping ----

    def __getitem__(self, key: str) -> State:
        return self._states[key]

    def __len__(self) -> int:
        return len(self._states)

    def __iter__(self) -> Iterator[str]:
        return iter(self._states)

    @property
    def trainable(self) -> List[str]:
        """The keys that train, in whole or in part."""
        return [key for key, state in self._states.items() if state is not False]

    @property
    def frozen(self) -> List[str]:
        """The keys that are frozen as a whole."""
        return [key for key, state in self._states.items() if state is False]

    def warn(self, stacklevel: int = 3) -> None:
        """Emits `MaskWarning`s for what is probably not meant."""
        siblings = [warned for warned in self.warnings if warned.kind == "frozenSibling"]
        shown = siblings if len(siblings) <= 4 else siblings[:3]
        for warned in shown + [warned for warned in self.warnings if warned.kind != "frozenSibling"]:
            warnings.warn(warned.message, _errors.MaskWarning, stacklevel=stacklevel)
        if len(shown) < len(siblings):
            warnings.warn(f"{len(siblings) - len(shown)} more weights train and their biases are frozen",
                          _errors.MaskWarning, stacklevel=stacklevel)

    def fitting(self, checkpoint: Source) -> "Mask":
        """The same mask for a checkpoint that leaves out further names of tied tensors, as `save_pretrained` does.

            mask = espalier.torch.freeze(model, train=["lm_head"])
            mask.fitting("base").save("freeze.json")

        Raises:
            MaskMismatchError: the checkpoint has a key that the mask does not list, or lacks one that is not tied to another.
        """
        source = opened(checkpoint)
        unexpected = [key for key in source if key not in self._states]
        missing = [key for key in self._states if key not in source and self._ties.get(key) not in source]
        if missing or unexpected:
            parts = [f"{title} {listed(keys)}" for title, keys in
                     (("missing keys:", missing), ("unexpected keys:", unexpected)) if keys]
            raise _errors.MaskMismatchError(f"the mask does not fit {source.path}: {'; '.join(parts)}", kind="otherCheckpoint")
        return Mask._of(source._open, [
            (_TRAIN, literal(key, state)) for key, state in self._states.items() if state is not False and key in source])

    def check(self, checkpoint: Source) -> None:
        """Raises unless the mask belongs to the checkpoint: the same keys, dtypes and shapes.

        Raises:
            MaskMismatchError: with what differs.
        """
        _library.call("mask_check", self._handle, opened(checkpoint)._open)

    # ---- Models of torch; see espalier.torch ----

    def apply(self, model: "torch.nn.Module") -> List["torch.nn.Parameter"]:
        """Sets `requires_grad` of a live model, and returns the parameters that train. See `espalier.torch.apply`."""
        from . import torch as module
        return module.apply(self, model)

    def hold(self, model: "torch.nn.Module", optimizer: "torch.optim.Optimizer") -> Any:
        """Keeps frozen rows byte-identical in every step of an optimizer. See `espalier.torch.hold`."""
        from . import torch as module
        return module.hold(self, model, optimizer)

    def parameter_groups(self, model: "torch.nn.Module", *, lr: float, selectors: Optional[Mapping[str, Any]] = None,
                         **options: Any) -> List[Dict[str, Any]]:
        """Groups of the parameters that train, for an optimizer. See `espalier.torch.parameter_groups`."""
        from . import torch as module
        return module.parameter_groups(self, model, lr=lr, selectors=selectors, **options)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mask) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"<Mask: {len(self.trainable)} of {len(self._states)} tensors train>"


def rules(train: Union[str, Sequence[str]], freeze: Union[str, Sequence[str]]) -> List[Tuple[int, str]]:
    """Rules in their order: what trains, then what is frozen."""
    return [(_TRAIN, text) for text in _library.texts(train)] + [(_FREEZE, text) for text in _library.texts(freeze)]


def literal(key: str, state: State = True) -> str:
    """The selector of one tensor, or of some of its rows."""
    text = '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return text + "[" + ",".join(f"{start}:{end}" for start, end in state) + "]" if isinstance(state, list) else text


def listed(keys: Sequence[str]) -> str:
    """Some of the keys, in quotes."""
    return ", ".join(map(repr, keys[:5])) + (f" and {len(keys) - 5} more" if len(keys) > 5 else "")


def opened(source: Source) -> Checkpoint:
    """A checkpoint, which may be passed as its path."""
    return source if isinstance(source, Checkpoint) else open_checkpoint(source)


class Violation(NamedTuple):
    """A frozen tensor that is not what it was."""

    key: str
    #: `"missing"`, `"dtype"`, `"shape"` or `"bytes"`.
    kind: str
    message: str
    #: The frozen rows that changed, as (start, end) pairs.
    rows: List[Tuple[int, int]]


class Proof(NamedTuple):
    """What a comparison under a mask found."""

    violations: List[Violation]
    #: Tensors proven byte-identical as a whole, frozen rows in other tensors, and the bytes of both.
    proven_tensors: int
    proven_rows: int
    proven_bytes: int
    #: Keys that train and changed.
    changed: List[str]
    #: Keys that train and are what they were.
    unchanged: List[str]
    #: Keys of the tuned checkpoint that the mask does not list.
    unexpected: List[str]

    @property
    def holds(self) -> bool:
        """Whether everything frozen is byte-identical."""
        return not self.violations

    def __bool__(self) -> bool:
        return self.holds


def verify(base: Source, tuned: Source, mask: Union[Mask, str, "os.PathLike[str]"]) -> Proof:
    """Compares two checkpoints byte for byte wherever a mask freezes.

        proof = espalier.verify("base", "tuned", "freeze.json")
        assert proof.holds, proof.violations

    Raises:
        SurgeryError: the mask does not fit the base.
        CheckpointError: bytes cannot be read.
    """
    mask = mask if isinstance(mask, Mask) else Mask.load(mask)
    before = opened(base)
    after = tuned if isinstance(tuned, Checkpoint) else open_checkpoint(tuned, over=before)
    handle = _library.Handle("verify", before._open, after._open, mask._handle)
    summary = _library.ProofSummary()
    _library.call("proof_info", handle, ctypes.byref(summary))
    start, count = _library.array("proof_violations", _library.ViolationEntry, handle)
    kinds = ("missing", "dtype", "shape", "bytes")
    violations = [
        Violation(str(start[i].key), kinds[start[i].kind], str(start[i].message),
                  _library.ranges(start[i].rows, start[i].row_range_count)) for i in range(count)]

    def keys(which: int) -> List[str]:
        start, count = _library.array("proof_keys", _library.Text, handle, which)
        return [str(start[i]) for i in range(count)]

    return Proof(violations, summary.proven_tensors, summary.proven_rows, summary.proven_bytes, keys(0), keys(1), keys(2))

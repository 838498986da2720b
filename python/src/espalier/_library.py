"""The C library (espalier.h), by ctypes: structs, functions, and errors as exceptions."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from ctypes import POINTER, Structure, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any, Dict, List, NamedTuple, Tuple

from . import _errors

ABI_VERSION = 1

OK, NO_SUCH_KEY, NO_VIEW = 0, 5, 6
_CHECKPOINT_ERROR, _SURGERY_ERROR, _DOES_NOT_FIT, _OTHER_ERROR = 8, 9, 10, 11


class Text(Structure):
    _fields_ = [("data", c_void_p), ("size", c_size_t)]

    def __str__(self) -> str:
        return ctypes.string_at(self.data, self.size).decode("utf-8")


class LastError(Structure):
    _fields_ = [("status", c_uint32), ("kind", Text), ("message", Text), ("path", Text), ("key", Text), ("selector", Text),
                ("offset", c_int64), ("suggestions", POINTER(Text)), ("suggestion_count", c_size_t)]


class Description(Structure):
    _fields_ = [("key", c_char_p), ("key_size", c_size_t), ("dtype", c_char_p), ("shape", POINTER(c_int64)),
                ("rank", c_size_t), ("tied_to", c_int64)]


class CheckpointInfo(Structure):
    _fields_ = [("path", Text), ("format", Text), ("tensor_count", c_size_t), ("metadata_count", c_size_t),
                ("unsupported_count", c_size_t)]


class Tensor(Structure):
    _fields_ = [("key", Text), ("dtype", Text), ("file", Text), ("shape", POINTER(c_int64)), ("strides", POINTER(c_int64)),
                ("rank", c_size_t), ("element_count", c_uint64), ("byte_count", c_uint64), ("offset", c_uint64),
                ("bit_width", c_int32), ("is_contiguous", c_int32), ("tied_to", c_int64)]


class Row(NamedTuple):
    """The members of a `Tensor`: texts and arrays are addresses, which the checkpoint keeps."""

    key: int
    key_size: int
    dtype: int
    dtype_size: int
    file: int
    file_size: int
    shape: int
    strides: int
    rank: int
    element_count: int
    byte_count: int
    offset: int
    bit_width: int
    is_contiguous: int
    tied_to: int


_ROW = struct.Struct("@12Q2iq")


def rows(handle: "Handle") -> List[Row]:
    """The tensors of a checkpoint. All at once: ctypes takes a microsecond for each member of a struct."""
    start, count = array("tensors", Tensor, handle)
    assert _ROW.size == ctypes.sizeof(Tensor)
    return [Row._make(members) for members in _ROW.iter_unpack(ctypes.string_at(start, count * _ROW.size))]


def text_at(address: int, size: int) -> str:
    """A text of the library."""
    return ctypes.string_at(address, size).decode("utf-8")


# For each number of integers what reads them: made at the first use.
_unpack: Dict[int, Any] = {}


def integers_at(address: int, count: int) -> Tuple[int, ...]:
    """Extents or strides of the library."""
    if not count:
        return ()
    unpack = _unpack.get(count)
    if unpack is None:
        unpack = _unpack[count] = struct.Struct(f"@{count}q").unpack
    return unpack(ctypes.string_at(address, 8 * count))


class Pair(Structure):
    _fields_ = [("name", Text), ("value", Text)]


class View(Structure):
    _fields_ = [("data", c_void_p), ("size", c_uint64)]


class Range(Structure):
    _fields_ = [("start", c_int64), ("end", c_int64)]


class Item(Structure):
    _fields_ = [("index", c_size_t), ("rows", POINTER(Range)), ("row_range_count", c_size_t)]


class Explanation(Structure):
    _fields_ = [("selector", Text), ("is_negated", c_int32), ("matched", POINTER(c_size_t)), ("matched_count", c_size_t),
                ("changed_count", c_size_t)]


class Rule(Structure):
    _fields_ = [("kind", c_uint32), ("selector", c_char_p)]


class MaskEntry(Structure):
    _fields_ = [("key", Text), ("state", c_uint32), ("rows", POINTER(Range)), ("row_range_count", c_size_t)]


class MaskWarningEntry(Structure):
    _fields_ = [("kind", c_uint32), ("key", Text), ("other", Text), ("message", Text)]


class ProofSummary(Structure):
    _fields_ = [("holds", c_int32), ("violation_count", c_size_t), ("proven_tensors", c_uint64), ("proven_rows", c_uint64),
                ("proven_bytes", c_uint64), ("changed_count", c_size_t), ("unchanged_count", c_size_t)]


class ViolationEntry(Structure):
    _fields_ = [("kind", c_uint32), ("key", Text), ("message", Text), ("rows", POINTER(Range)), ("row_range_count", c_size_t)]


_H = c_uint64
_FUNCTIONS = {
    "close": [_H],
    "open": [c_char_p, POINTER(_H)],
    "open_over": [c_char_p, _H, POINTER(_H)],
    "describe": [POINTER(Description), c_size_t, POINTER(_H)],
    "info": [_H, POINTER(CheckpointInfo)],
    "tensors": [_H, POINTER(POINTER(Tensor)), POINTER(c_size_t)],
    "metadata": [_H, POINTER(POINTER(Pair)), POINTER(c_size_t)],
    "unsupported": [_H, POINTER(POINTER(Pair)), POINTER(c_size_t)],
    "view_at": [_H, c_size_t, POINTER(View)],
    "read": [_H, c_size_t, c_void_p, c_size_t],
    "check_elements": [_H, c_size_t],
    "select": [_H, POINTER(c_char_p), c_size_t, POINTER(_H)],
    "selection_items": [_H, POINTER(POINTER(Item)), POINTER(c_size_t)],
    "selection_explanations": [_H, POINTER(POINTER(Explanation)), POINTER(c_size_t)],
    "mask_create": [_H, POINTER(Rule), c_size_t, POINTER(_H)],
    "mask_read": [c_char_p, POINTER(_H)],
    "mask_parse": [c_char_p, c_size_t, POINTER(_H)],
    "mask_write": [_H, c_char_p],
    "mask_text": [_H, POINTER(Text)],
    "mask_entries": [_H, POINTER(POINTER(MaskEntry)), POINTER(c_size_t)],
    "mask_warnings": [_H, POINTER(POINTER(MaskWarningEntry)), POINTER(c_size_t)],
    "mask_check": [_H, _H],
    "verify": [_H, _H, _H, POINTER(_H)],
    "proof_info": [_H, POINTER(ProofSummary)],
    "proof_violations": [_H, POINTER(POINTER(ViolationEntry)), POINTER(c_size_t)],
    "proof_keys": [_H, c_uint32, POINTER(POINTER(Text)), POINTER(c_size_t)],
}

_loaded: Any = None
_functions: Dict[str, Any] = {}


def library_path() -> str:
    """Where the library is: ESPALIER_LIBRARY, otherwise inside of the package."""
    path = os.environ.get("ESPALIER_LIBRARY")
    if path:
        return path
    ending = ".dylib" if sys.platform == "darwin" else ".so"
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "_lib", "libespalier" + ending)


def _load():
    global _loaded
    if _loaded is None:
        path = library_path()
        try:
            loaded = ctypes.CDLL(path)
        except OSError as error:
            raise ImportError(f"the library of espalier cannot be loaded: {error}; install the wheel, or set ESPALIER_LIBRARY "
                              "to libEspalierC of a build") from error
        found = loaded.espalier_abi_version()
        if found != ABI_VERSION:
            raise ImportError(f"{path}: its structs have version {found}, this package needs {ABI_VERSION}")
        for name, arguments in _FUNCTIONS.items():
            function = getattr(loaded, "espalier_" + name)
            function.argtypes, function.restype = arguments, c_uint32
            _functions[name] = function
        loaded.espalier_last_error.argtypes = []
        loaded.espalier_last_error.restype = POINTER(LastError)
        _loaded = loaded
    return _loaded


def status(name: str, *arguments) -> int:
    """Calls a function; its status."""
    if _loaded is None:
        _load()
    return _functions[name](*arguments)


def call(name: str, *arguments) -> None:
    """Calls a function; raises its error."""
    code = status(name, *arguments)
    if code != OK:
        raise last_error()


def last_error() -> _errors.Error:
    """The error of the last call in this thread."""
    error = _loaded.espalier_last_error().contents
    kind = {_CHECKPOINT_ERROR: _errors.CheckpointError, _SURGERY_ERROR: _errors.SurgeryError,
            _DOES_NOT_FIT: _errors.MaskMismatchError, _OTHER_ERROR: _errors.Error}.get(error.status, _errors.MisuseError)
    return kind(
        str(error.message), kind=str(error.kind), path=str(error.path) or None, key=str(error.key) or None,
        selector=str(error.selector) or None, offset=error.offset if error.offset >= 0 else None,
        suggestions=tuple(str(error.suggestions[i]) for i in range(error.suggestion_count)))


def array(name: str, kind, *arguments):
    """Calls a function that gives an array; the array, which belongs to the handle."""
    start, count = POINTER(kind)(), c_size_t()
    call(name, *arguments, ctypes.byref(start), ctypes.byref(count))
    return start, count.value


def ranges(start, count: int):
    """Rows as a list of (start, end)."""
    return [(start[i].start, start[i].end) for i in range(count)]


class Handle:
    """A handle that is closed with the object, or earlier. Functions take the object, which lives until they return."""

    __slots__ = ("number", "_close", "__weakref__")

    @property
    def _as_parameter_(self) -> int:
        return self.number

    def __init__(self, name: str, *arguments):
        number = c_uint64()
        self.number = 0
        call(name, *arguments, ctypes.byref(number))
        self.number = number.value
        # Kept here: at the end of the interpreter, modules go first.
        self._close = _loaded.espalier_close

    def close(self) -> None:
        number, self.number = self.number, 0
        if number:
            self._close(number)

    def __del__(self):
        self.close()


def encoded_path(path) -> bytes:
    """A path as the library takes it."""
    data = os.fsencode(path)
    if b"\0" in data:
        raise _errors.MisuseError("a path holds a zero byte", kind="invalidArgument")
    return data


def encoded(text: str, what: str = "a selector") -> bytes:
    """A text as the library takes it."""
    if not isinstance(text, str):
        raise TypeError(f"{what} is a str, not {type(text).__name__}")
    data = text.encode("utf-8")
    if b"\0" in data:
        raise _errors.MisuseError(f"{what} holds a zero byte", kind="invalidArgument")
    return data


def texts(selectors) -> tuple:
    """Selectors, or one, as a tuple of str."""
    return (selectors,) if isinstance(selectors, str) else tuple(selectors)

"""Checkpoints as mappings from key to array."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Tuple, Union

from . import _arrays, _errors, _library

if TYPE_CHECKING:
    import numpy


class TensorInfo(NamedTuple):
    """The description of a tensor in the header of its file."""

    key: str
    #: The type in safetensors' spelling, such as `"BF16"`.
    dtype: str
    shape: Tuple[int, ...]
    #: Steps between neighbours along each dimension, in elements.
    strides: Tuple[int, ...]
    #: The bytes that the elements take row-major.
    nbytes: int
    #: The file that holds the elements.
    file: str
    #: The first key with which this tensor has bytes in common (a tie), or `None`.
    tied_to: Optional[str]


class Explanation(NamedTuple):
    """What one selector matched."""

    selector: str
    #: The keys that it matched, in the order of the file.
    matched: Tuple[str, ...]
    #: Of those, how many it added or, with `!`, removed.
    changed: int


def open(path: Union[str, "os.PathLike[str]"], *, over: Optional["Checkpoint"] = None) -> "Checkpoint":
    """Opens a checkpoint: a safetensors or PyTorch file, an index of shards, a folder, or a model in the Hugging Face cache.

    Headers are read, elements are not, and nothing of a pickle is executed.

        with espalier.open("pytorch_model.bin") as base:
            for key, array in base.items():
                print(key, array.dtype, array.shape)

    Args:
        path: the file or folder, or the name of a model.
        over: the base of a checkpoint that holds only what changed.

    Raises:
        CheckpointError: the file is missing, unreadable, not a checkpoint or not sound.
    """
    data = _library.encoded_path(path)
    if over is None:
        return Checkpoint(_library.Handle("open", data))
    return Checkpoint(_library.Handle("open_over", data, over._open))


class Checkpoint(Mapping[str, "numpy.ndarray"]):
    """An ordered mapping from key to read-only array. Made by `espalier.open`.

    Arrays are views of the mapped file where the elements are there as they are; they stay valid when the checkpoint is
    closed or collected. Each access makes a new array. Checksums of the container are compared by `check()`.
    """

    def __init__(self, handle: "_library.Handle"):
        self._handle: Optional[_library.Handle] = handle
        self._rows = _library.rows(handle)
        self._names: List[str] = [_library.text_at(row.key, row.key_size) for row in self._rows]
        self._indices: Dict[str, int] = {name: index for index, name in enumerate(self._names)}
        self._dtypes: Dict[int, Any] = {}
        info = _library.CheckpointInfo()
        _library.call("info", handle, ctypes.byref(info))
        #: The file or folder, as it was passed.
        self.path = str(info.path)
        #: `"safetensors"`, `"torch-zip"`, `"torch-legacy"` or `"sharded"`.
        self.format = str(info.format)

    # ---- Life ----

    @property
    def _open(self) -> "_library.Handle":
        if self._handle is None:
            raise _errors.MisuseError(f"{self.path}: the checkpoint is closed", kind="invalidHandle", path=self.path)
        return self._handle

    @property
    def closed(self) -> bool:
        """Whether `close()` was called."""
        return self._handle is None

    def close(self) -> None:
        """Closes the checkpoint. Arrays stay valid: the last one closes the file. Closing again does nothing."""
        self._handle = None

    def __enter__(self) -> "Checkpoint":
        self._open
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    # ---- The mapping ----

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __contains__(self, key: object) -> bool:
        return key in self._indices

    def __getitem__(self, key: str) -> "numpy.ndarray":
        handle = self._open
        index = self._indices[key]
        row = self._rows[index]
        shape = _library.integers_at(row.shape, row.rank)
        # The texts of one type are one text.
        dtype = self._dtypes.get(row.dtype)
        if dtype is None:
            dtype = self._dtypes[row.dtype] = _arrays.numpy_dtype(_library.text_at(row.dtype, row.dtype_size), key)
        found = _library.View()
        code = _library.status("view_at", handle.number, index, found)
        if code == _library.OK:
            strides = None
            if not row.is_contiguous:
                strides = tuple(step * dtype.itemsize for step in _library.integers_at(row.strides, row.rank))
            return _arrays.view(handle, found.data or 0, shape, strides, dtype)
        if code != _library.NO_VIEW:
            raise _library.last_error()
        import numpy
        array = numpy.empty(shape, dtype)
        _library.call("read", handle, index, array.ctypes.data, array.nbytes)
        array.flags.writeable = False
        return array

    def read(self, key: str) -> bytes:
        """The elements as bytes, row-major and little-endian, after a comparison of the checksum. Needs no numpy.

        Raises:
            KeyError: there is no such key.
            CheckpointError: the bytes are damaged or cannot be read.
        """
        handle, index = self._open, self._indices[key]
        buffer = bytearray(self._rows[index].byte_count)
        if buffer:
            address = (ctypes.c_char * len(buffer)).from_buffer(buffer)
            _library.call("read", handle, index, address, len(buffer))
            del address
        return bytes(buffer)

    def info(self, key: str) -> TensorInfo:
        """The description of a tensor in the header of its file.

            base.info("linear.0.weight").shape

        Raises:
            KeyError: there is no such key.
        """
        handle = self._open  # keeps the row
        row = self._rows[self._indices[key]]
        found = TensorInfo(
            key, _library.text_at(row.dtype, row.dtype_size), _library.integers_at(row.shape, row.rank),
            _library.integers_at(row.strides, row.rank), row.byte_count, _library.text_at(row.file, row.file_size),
            self._names[row.tied_to] if row.tied_to >= 0 else None)
        del handle
        return found

    @property
    def metadata(self) -> Dict[str, str]:
        """`__metadata__` of safetensors, in the order of the file."""
        start, count = _library.array("metadata", _library.Pair, self._open)
        return {str(start[i].name): str(start[i].value) for i in range(count)}

    @property
    def unsupported(self) -> Dict[str, str]:
        """Tensors that are in the file and cannot be read: key and reason."""
        start, count = _library.array("unsupported", _library.Pair, self._open)
        return {str(start[i].name): str(start[i].value) for i in range(count)}

    def check(self) -> None:
        """Compares the checksums of the container. Files without any are not read.

        Raises:
            CheckpointError: bytes are damaged.
        """
        handle = self._open
        for index in range(len(self._rows)):
            _library.call("check_elements", handle, index)

    def select(self, *selectors: str) -> "Selection":
        """What selectors select, in the order of the file; the last that matches a tensor or a row decides.

            base.select("encoder.layer[-2:]", "!**:role(bias)").keys()

        Raises:
            SurgeryError: a selector is not written correctly, or selects nothing; the error has `suggestions`.
        """
        return Selection(self, selectors)

    def __repr__(self) -> str:
        state = ", closed" if self.closed else ""
        return f"<Checkpoint {self.path!r}: {len(self._rows)} tensors{state}>"


class Selection(Mapping[str, "numpy.ndarray"]):
    """A mapping from key to array of what selectors selected: whole tensors, or their selected rows."""

    def __init__(self, checkpoint: Checkpoint, selectors: Tuple[str, ...]):
        self._checkpoint = checkpoint
        encoded = [_library.encoded(selector) for selector in selectors]
        handle = _library.Handle(
            "select", checkpoint._open, (ctypes.c_char_p * len(encoded))(*encoded), len(encoded))
        names = checkpoint._names
        start, count = _library.array("selection_items", _library.Item, handle)
        #: The rows of each tensor as (start, end) pairs; `None` for a whole tensor.
        self.rows: Dict[str, Optional[List[Tuple[int, int]]]] = {}
        for i in range(count):
            item = start[i]
            self.rows[names[item.index]] = _library.ranges(item.rows, item.row_range_count) or None
        start, count = _library.array("selection_explanations", _library.Explanation, handle)
        #: What each selector matched.
        self.explanations = [
            Explanation(str(start[i].selector), tuple(names[j] for j in start[i].matched[:start[i].matched_count]),
                        start[i].changed_count) for i in range(count)]
        handle.close()

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __contains__(self, key: object) -> bool:
        return key in self.rows

    def __getitem__(self, key: str) -> "numpy.ndarray":
        rows, array = self.rows[key], self._checkpoint[key]
        if rows is None:
            return array
        if len(rows) == 1:
            return array[rows[0][0]:rows[0][1]]
        import numpy
        return numpy.concatenate([array[start:end] for start, end in rows])

    def __repr__(self) -> str:
        return f"<Selection of {len(self.rows)} tensors of {self._checkpoint.path!r}>"

"""Element types of files as numpy's, and arrays on memory of the library."""

from __future__ import annotations

from typing import Any, Dict

from . import _errors

_NUMPY = {
    "BOOL": "|b1", "U8": "|u1", "I8": "|i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8", "I64": "<i8",
    "F16": "<f2", "F32": "<f4", "F64": "<f8", "C64": "<c8", "C128": "<c16",
}
_ML_DTYPES = {
    "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
}


_modules: Dict[str, Any] = {}


def _numpy():
    if "numpy" in _modules:
        return _modules["numpy"]
    try:
        import numpy
    except ImportError as error:
        raise ImportError("arrays need numpy: pip install numpy") from error
    _modules["numpy"] = numpy
    return numpy


def numpy_dtype(name: str, key: str):
    """numpy's type for a type of a file."""
    if name in _NUMPY:
        return _numpy().dtype(_NUMPY[name])
    if name in _ML_DTYPES:
        try:
            import ml_dtypes
        except ImportError:
            raise _errors.NumpyDTypeError(
                f"{key!r} has elements of type {name}, which numpy does not have: pip install ml_dtypes",
                kind="needsMLDTypes", key=key) from None
        found = getattr(ml_dtypes, _ML_DTYPES[name], None)
        if found is not None:
            return _numpy().dtype(found)
        raise _errors.NumpyDTypeError(
            f"{key!r} has elements of type {name}, which this version of ml_dtypes does not have: "
            "pip install --upgrade ml_dtypes", kind="needsMLDTypes", key=key)
    raise _errors.NumpyDTypeError(
        f"{key!r} has elements of type {name}, which numpy does not have: use read({key!r}) for the bytes",
        kind="unsupported", key=key)


class _Memory:
    """What numpy asks for an array: the array keeps this object, and this object the open file."""

    __slots__ = ("__array_interface__", "owner")

    def __init__(self, owner: Any, interface: Dict[str, Any]):
        self.owner = owner
        self.__array_interface__ = interface


def view(owner, address: int, shape, strides, dtype):
    """A read-only array on memory that `owner` keeps.

    Args:
        strides: steps in bytes, or `None` for row-major.
    """
    asarray = (_modules.get("numpy") or _numpy()).asarray
    if 0 in shape:
        result = _numpy().empty(shape, dtype)
        result.flags.writeable = False
        return result
    # numpy knows no name for the types of ml_dtypes: integers of their width become them.
    if dtype.isbuiltin == 1:
        return asarray(_Memory(owner, {"version": 3, "data": (address, True), "shape": shape, "strides": strides,
                                       "typestr": dtype.str}))
    return asarray(_Memory(owner, {"version": 3, "data": (address, True), "shape": shape, "strides": strides,
                                   "typestr": f"<u{dtype.itemsize}"})).view(dtype)

"""Checkpoints, selectors and freeze masks for models in Python.

    import espalier

    base = espalier.open("model.safetensors")      # a mapping from key to read-only array, without a copy
    base["linear.0.weight"].shape
    base.select("linear", "**:role(bias)").keys()

    import espalier.torch
    mask = espalier.torch.freeze(model, train=["linear[0]", "linear[2]"])
    mask.save("freeze.json")

    espalier.run(["verify", "base", "tuned", "--mask", "freeze.json"])

Nothing of a pickle is executed. Arrays need numpy; `espalier.torch` and `espalier.transformers` need what they are named after.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._checkpoint import Checkpoint, Selection, TensorInfo, open
    from ._command import CommandError, run
    from ._errors import (CheckpointError, Error, MaskMismatchError, MaskWarning, MisuseError, NumpyDTypeError,
                          SurgeryError)
    from ._mask import Mask, Proof, Violation, verify

__version__ = "0.1.0"
__all__ = ["Checkpoint", "CheckpointError", "CommandError", "Error", "Mask", "MaskMismatchError", "MaskWarning", "MisuseError",
           "NumpyDTypeError", "Proof", "Selection", "SurgeryError", "TensorInfo", "Violation", "open", "run", "verify"]

# Each name is imported at its first use: `import espalier` takes a millisecond, and does not need the library.
_MODULES = {
    "_checkpoint": ("Checkpoint", "Selection", "TensorInfo", "open"),
    "_command": ("CommandError", "run"),
    "_errors": ("CheckpointError", "Error", "MaskMismatchError", "MaskWarning", "MisuseError", "NumpyDTypeError",
                "SurgeryError"),
    "_mask": ("Mask", "Proof", "Violation", "verify"),
}


def __getattr__(name):
    for module, names in _MODULES.items():
        if name in names:
            from importlib import import_module
            value = getattr(import_module("." + module, __name__), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(set(globals()) | set(__all__))

"""A callback that applies a freeze mask to the model of a `Trainer`.

    from espalier.transformers import MaskCallback

    trainer = Trainer(model=model, args=arguments, train_dataset=data, callbacks=[MaskCallback("freeze.json")])
    trainer.train()
"""

from __future__ import annotations

import os
from typing import Any, Optional, Union

from transformers import TrainerCallback

from . import _errors
from . import torch as masks
from ._mask import Mask

__all__ = ["MaskCallback"]


class MaskCallback(TrainerCallback):
    """Freezes what a mask freezes when the Trainer is made, and holds frozen rows in every step.

    Pass it in `callbacks=` of the Trainer: it must be there before the optimizer is made. A callback that is added later is an
    error when training begins, unless the model was frozen already.

    Args:
        mask: a mask, or the path of its file.
    """

    def __init__(self, mask: Union[Mask, str, "os.PathLike[str]"]):
        self.mask = mask if isinstance(mask, Mask) else Mask.load(mask)
        self._hold: Optional[masks.Hold] = None

    def on_init_end(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        if model is not None:
            masks.apply(self.mask, model)

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, optimizer: Any = None,
                       **kwargs: Any) -> None:
        trained = {id(parameter): name for name, parameter, kept in masks._states(self.mask, model) if kept is not False}
        for name, parameter in masks.named_parameters(model):
            if parameter.requires_grad and id(parameter) not in trained:
                raise _errors.MaskMismatchError(
                    f"{name!r} is frozen by the mask, and it trains: pass the callback to the Trainer's initialiser",
                    kind="tensorMismatch", key=name)
        if optimizer is not None:
            self._hold = masks.hold(self.mask, model, optimizer)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._hold is not None:
            self._hold.remove()
            self._hold = None

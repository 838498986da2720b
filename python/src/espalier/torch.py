"""Freeze masks on live models of torch.

    import espalier.torch

    mask = espalier.torch.freeze(model, train=["linear[0]", "linear[2]"])
    optimizer = torch.optim.AdamW(mask.parameter_groups(model, lr=1e-3))
    mask.hold(model, optimizer)             # needed when the mask trains some rows of a tensor only

Names are those of `named_parameters()`, without what DistributedDataParallel, `torch.compile` and FSDP put into them. Freeze
before a model is wrapped in DistributedDataParallel, which decides then what it reduces, and before or after `fully_shard`.
"""

from __future__ import annotations

import ctypes
import os
import warnings
from collections.abc import Mapping
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, Union

import torch
from torch import nn

from . import _errors, _library
from ._checkpoint import Checkpoint, Selection
from ._mask import _TRAIN, Mask, Proof, State, Violation, listed, literal, opened, rules

__all__ = ["apply", "describe", "freeze", "hold", "named_parameters", "parameter_groups", "select", "snapshot", "verify"]

_DTYPES = {
    torch.bool: "BOOL", torch.uint8: "U8", torch.int8: "I8", torch.int16: "I16", torch.int32: "I32", torch.int64: "I64",
    torch.float16: "F16", torch.bfloat16: "BF16", torch.float32: "F32", torch.float64: "F64", torch.complex64: "C64",
    torch.complex128: "C128", torch.complex32: "C32",
}
for _name, _short in (("uint16", "U16"), ("uint32", "U32"), ("uint64", "U64"), ("float8_e4m3fn", "F8_E4M3"),
                      ("float8_e5m2", "F8_E5M2"), ("float8_e4m3fnuz", "F8_E4M3FNUZ"), ("float8_e5m2fnuz", "F8_E5M2FNUZ"),
                      ("float8_e8m0fnu", "F8_E8M0")):
    if hasattr(torch, _name):
        _DTYPES[getattr(torch, _name)] = _short

#: Components that torch.compile, FSDP and activation checkpointing put into names.
_WRAPPERS = frozenset({"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})

Before = Union[str, "os.PathLike[str]", Checkpoint, nn.Module, Mapping[str, Any]]


# ---- Names ----

def _wrapped_prefixes(model: nn.Module) -> List[str]:
    """What DistributedDataParallel and DataParallel put into names: the paths of their `module`."""
    kinds = (nn.parallel.DistributedDataParallel, nn.DataParallel)
    return [f"{path}.module" if path else "module" for path, module in model.named_modules() if isinstance(module, kinds)]


def _plain(name: str, prefixes: Sequence[str]) -> str:
    # The innermost first, so that the prefixes of the others still fit.
    for prefix in sorted(prefixes, key=len, reverse=True):
        if name.startswith(prefix + "."):
            head = prefix[:-len("module")]
            name = head + name[len(prefix) + 1:]
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def named_parameters(model: nn.Module) -> Iterator[Tuple[str, nn.Parameter]]:
    """`model.named_parameters()` with every name of tied parameters, and without what wrappers put into names."""
    prefixes = _wrapped_prefixes(model)
    for name, parameter in model.named_parameters(remove_duplicate=False):
        yield _plain(name, prefixes), parameter


def _named_buffers(model: nn.Module) -> Iterator[Tuple[str, torch.Tensor]]:
    """The buffers that a state_dict has."""
    prefixes = _wrapped_prefixes(model)
    for path, module in model.named_modules(remove_duplicate=False):
        for name, buffer in module._buffers.items():
            if buffer is not None and name not in module._non_persistent_buffers_set:
                yield _plain(f"{path}.{name}" if path else name, prefixes), buffer


def describe(model: nn.Module) -> Checkpoint:
    """The tensors of a live model as a checkpoint without elements: for `select()`, `info()` and masks."""
    tensors: Dict[str, torch.Tensor] = {}
    for name, tensor in [*named_parameters(model), *_named_buffers(model)]:
        tensors.setdefault(name, tensor)
    made = (_library.Description * len(tensors))()
    first: Dict[int, int] = {}
    for index, (name, tensor) in enumerate(tensors.items()):
        if tensor.dtype not in _DTYPES:
            raise _errors.MisuseError(f"{name!r} has elements of type {tensor.dtype}, which no checkpoint has",
                                      kind="unsupported", key=name)
        if nn.parameter.is_lazy(tensor):
            raise _errors.MisuseError(f"{name!r} has no shape yet: run the model once", kind="invalidArgument", key=name)
        data, shape = name.encode("utf-8"), tensor.shape
        entry = made[index]
        entry.key, entry.key_size, entry.dtype = data, len(data), _DTYPES[tensor.dtype].encode()
        entry.shape, entry.rank = (ctypes.c_int64 * len(shape))(*shape), len(shape)
        entry.tied_to = first.setdefault(id(tensor), index) if first.get(id(tensor), index) != index else -1
        first.setdefault(id(tensor), index)
    return Checkpoint(_library.Handle("describe", made, len(tensors)))


def select(model: nn.Module, *selectors: str) -> Dict[str, nn.Parameter]:
    """The parameters that selectors select, by their names; buffers are left out.

    Raises:
        SurgeryError: a selector is not written correctly, or selects nothing.
    """
    found = Selection(describe(model), selectors)
    return {name: parameter for name, parameter in named_parameters(model) if name in found}


# ---- Freeze ----

def freeze(model: nn.Module, train: Union[str, Sequence[str]] = (), freeze: Union[str, Sequence[str]] = (), *,
           warn: bool = True) -> Mask:
    """Sets `requires_grad` of every parameter by selectors, and returns the mask.

        mask = espalier.torch.freeze(model, train=["linear"], freeze=["linear[0].bias"])

    What `train` selects trains, but for what `freeze` selects, and everything else is frozen; with `freeze` alone,
    everything else trains. Of parameters with several names (ties), all names get the state that trains.

    Args:
        model: the model; wrapped ones too, but see the module's documentation about DistributedDataParallel.
        train: one selector or several, such as `"linear[0]"`, `"**:role(bias)"` or `"embed.weight[30522:]"`.
        freeze: one selector or several.
        warn: whether to emit a `MaskWarning` for a weight that trains without its bias, for ties, and for numbers that have
            no gradient.

    Raises:
        SurgeryError: a selector is not written correctly, or selects nothing (with the nearest names), or nothing would train.
    """
    described = describe(model)
    ordered = rules(train, freeze)
    mask = Mask._of(described._open, ordered)
    parameters = {name for name, _ in named_parameters(model)}
    # That a buffer has no gradient is no surprise.
    found = [warned for warned in mask.warnings if warned.kind != "cannotTrain" or warned.key in parameters]
    ties = [warned for warned in found if warned.kind == "splitTie"]
    if ties:
        for warned in ties:
            ordered.append((_TRAIN, literal(warned.other or "", mask[warned.key])))
        mask = Mask._of(described._open, ordered)
    mask.warnings = found
    for index, key in enumerate(described._names):
        tied = described._rows[index].tied_to
        if tied >= 0:
            mask._ties[key] = described._names[tied]
            mask._ties.setdefault(described._names[tied], key)
    if warn:
        mask.warn()
    apply(mask, model)
    return mask


def _states(mask: Mask, model: nn.Module) -> List[Tuple[str, nn.Parameter, State]]:
    """Each parameter once, with its first name and its state."""
    found: Dict[int, Tuple[str, nn.Parameter, Optional[State]]] = {}
    unexpected, known = [], set()
    for name, parameter in named_parameters(model):
        known.add(name)
        before = found.get(id(parameter))
        state = mask.get(name)
        if state is None:
            found.setdefault(id(parameter), (name, parameter, None))
        elif before is None or before[2] is None:
            found[id(parameter)] = (name, parameter, state)
        elif before[2] != state:
            raise _errors.MaskMismatchError(
                f"{before[0]!r} and {name!r} are one tensor, and the mask gives them different states",
                kind="tensorMismatch", key=name)
    unexpected = [name for name, _, state in found.values() if state is None]
    known.update(name for name, _ in model.named_buffers(remove_duplicate=False))
    known.update(name for name, _ in _named_buffers(model))
    missing = [name for name, state in mask.items() if state is not False and name not in known]
    if missing or unexpected:
        parts = [f"{title} {listed(names)}" for title, names in
                 (("missing keys:", missing), ("unexpected keys:", unexpected)) if names]
        raise _errors.MaskMismatchError("the mask does not fit the model: " + "; ".join(parts), kind="otherCheckpoint")
    result: List[Tuple[str, nn.Parameter, State]] = []
    for name, parameter, state in found.values():
        if state is None:
            continue
        if isinstance(state, list) and (parameter.dim() == 0 or state[-1][1] > parameter.shape[0]):
            count = parameter.shape[0] if parameter.dim() else 0
            raise _errors.MaskMismatchError(
                f"the mask does not fit the model: {name!r} has {count} rows, the mask trains rows up to {state[-1][1]}",
                kind="otherCheckpoint", key=name)
        result.append((name, parameter, state))
    return result


def apply(mask: Mask, model: nn.Module) -> List[nn.Parameter]:
    """Sets `requires_grad` of every parameter of a live model by the mask.

    Of a parameter of which some rows train, the gradient of the other rows is zero; they need `hold()` all the same, for weight
    decay and momentum move rows without a gradient. (Sharded parameters of FSDP2 pass no gradients through hooks: there `hold()`
    makes them zero before the step.)

    Returns:
        The parameters that train, in whole or in part, each once.

    Raises:
        MaskMismatchError: a name of the model is not in the mask, or one that trains is not in the model.
    """
    trained = []
    states = _states(mask, model)
    if not any(state is not False and (p.is_floating_point() or p.is_complex()) for _, p, state in states):
        raise _errors.SurgeryError("nothing would train: the mask trains no parameter of the model", kind="matchesNothing")
    changed = False
    for _, parameter, state in states:
        trains = state is not False and (parameter.is_floating_point() or parameter.is_complex())
        changed = changed or parameter.requires_grad != trains
        parameter.requires_grad_(trains)
        hook = parameter.__dict__.pop("_espalier_hook", None)
        if hook is not None:
            hook.remove()
        if trains and isinstance(state, list) and not hasattr(parameter, "device_mesh"):
            setattr(parameter, "_espalier_hook", parameter.register_hook(_RowGradient(_frozen_rows(state, parameter.shape[0]))))
        if trains:
            trained.append(parameter)
    wrappers = [module for module in model.modules() if isinstance(module, nn.parallel.DistributedDataParallel)]
    if changed and any(not wrapper.find_unused_parameters for wrapper in wrappers):
        warnings.warn("the model is wrapped in DistributedDataParallel, which waits for gradients of what is frozen now: freeze "
                      "before it is wrapped, or pass find_unused_parameters=True", _errors.MaskWarning, stacklevel=3)
    return trained


# ---- Optimizers ----

def parameter_groups(mask: Mask, model: nn.Module, *, lr: float, selectors: Optional[Mapping[str, Any]] = None,
                     **options: Any) -> List[Dict[str, Any]]:
    """Groups of the parameters that train, for an optimizer.

        groups = mask.parameter_groups(model, lr=1e-3, selectors={"bert": 1e-5, "**:role(bias)": {"weight_decay": 0.0}})
        optimizer = torch.optim.AdamW(groups)

    Args:
        lr: the learning rate of what no selector matches.
        selectors: for each selector a learning rate, or a mapping of options. All that match a parameter apply, in order.
        **options: further options of every group, such as `weight_decay`.

    Raises:
        SurgeryError: a selector is not written correctly or selects nothing.
    """
    described = describe(model)
    matched = [(Selection(described, (text,)), {"lr": value} if isinstance(value, (int, float)) else dict(value))
               for text, value in (selectors or {}).items()]
    groups: List[Dict[str, Any]] = []
    for name, parameter, state in _states(mask, model):
        if state is False or not parameter.requires_grad:
            continue
        settings: Dict[str, Any] = {"lr": lr, **options}
        for selection, changes in matched:
            if name in selection:
                settings.update(changes)
        for group in groups:
            if {key: value for key, value in group.items() if key not in ("params", "names")} == settings:
                break
        else:
            group = {"params": [], **settings}
            groups.append(group)
        group["params"].append(parameter)
    return groups


def _frozen_rows(rows: List[Tuple[int, int]], count: int) -> List[Tuple[int, int]]:
    frozen, last = [], 0
    for start, end in rows:
        if last < start:
            frozen.append((last, start))
        last = end
    if last < count:
        frozen.append((last, count))
    return frozen


class _RowGradient:
    """Keeps gradients out of frozen rows, so that a norm that gradients are clipped to does not count them."""

    def __init__(self, frozen: List[Tuple[int, int]]):
        self.frozen = frozen

    def __call__(self, gradient: torch.Tensor) -> Optional[torch.Tensor]:
        if gradient.is_sparse:
            return None
        gradient = gradient.clone()
        for start, end in self.frozen:
            gradient[start:end] = 0
        return gradient


class _Held:
    """A parameter of which some rows are frozen, and what they were before a step."""

    def __init__(self, parameter: nn.Parameter, rows: List[Tuple[int, int]]):
        self.parameter: Any = parameter
        self.rows = _frozen_rows(rows, parameter.shape[0])
        self.before: Any = None
        self.keep: Any = None
        if hasattr(parameter, "device_mesh"):  # a sharded tensor: its rows are not all here
            from torch.distributed.tensor import distribute_tensor
            keep = torch.zeros(parameter.shape, dtype=torch.bool, device=parameter.device)
            for start, end in rows:
                keep[start:end] = True
            self.keep = distribute_tensor(keep, getattr(parameter, "device_mesh"), getattr(parameter, "placements"))

    def save(self) -> None:
        p = self.parameter
        if self.keep is not None:
            # Of a sharded tensor each process holds its own part.
            self.before = p.to_local().detach().clone()
            if p.grad is not None:
                p.grad.to_local().masked_fill_(~self.keep.to_local(), 0)
            return
        if self.before is None or self.before[0].device != p.device or self.before[0].dtype != p.dtype:
            self.before = [torch.empty_like(p[start:end]) for start, end in self.rows]
        for (start, end), before in zip(self.rows, self.before):
            before.copy_(p[start:end])
            if p.grad is not None and not p.grad.is_sparse:
                p.grad[start:end].zero_()

    def restore(self) -> None:
        p = self.parameter
        if self.keep is not None:
            local = p.to_local()
            local.copy_(torch.where(self.keep.to_local(), local, self.before))
            return
        for (start, end), before in zip(self.rows, self.before):
            p[start:end].copy_(before)


class Hold:
    """Keeps frozen rows in every step of an optimizer, until `remove()`."""

    def __init__(self, held: List[_Held], optimizer: torch.optim.Optimizer):
        self._held = held
        self._hooks = []
        if held:
            self._hooks = [optimizer.register_step_pre_hook(self._save), optimizer.register_step_post_hook(self._restore)]

    @torch.no_grad()
    def _save(self, *_: Any) -> None:
        for held in self._held:
            held.save()

    @torch.no_grad()
    def _restore(self, *_: Any) -> None:
        for held in self._held:
            held.restore()

    def remove(self) -> None:
        """Lets the optimizer move the rows again."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    def __enter__(self) -> "Hold":
        return self

    def __exit__(self, *_: Any) -> None:
        self.remove()


def hold(mask: Mask, model: nn.Module, optimizer: Any) -> Hold:
    """Keeps frozen rows byte-identical in every step: weight decay and momentum move rows that have no gradient.

    Before a step, the gradient of frozen rows becomes zero and their values are saved; after it, they are put back.

    Args:
        optimizer: any `torch.optim.Optimizer`, also one that Accelerate wraps.

    Returns:
        An object whose `remove()` ends it, which is a context manager too.

    Raises:
        MaskMismatchError: the mask does not fit the model, or the optimizer has a parameter that is frozen and has a gradient.
    """
    while not isinstance(optimizer, torch.optim.Optimizer) and hasattr(optimizer, "optimizer"):
        optimizer = optimizer.optimizer
    if type(optimizer).__name__ == "AcceleratedOptimizer":
        optimizer = optimizer.optimizer
    states = _states(mask, model)
    names = {id(parameter): name for name, parameter, state in states if state is False}
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if id(parameter) in names and parameter.requires_grad:
                name = names[id(parameter)]
                raise _errors.MaskMismatchError(
                    f"{name!r} is frozen by the mask, and the optimizer trains it: apply the mask first",
                    kind="tensorMismatch", key=name)
    return Hold([_Held(p, state) for _, p, state in states if isinstance(state, list)], optimizer)


# ---- The proof, in memory ----

def _full(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def snapshot(model: nn.Module) -> Dict[str, torch.Tensor]:
    """Copies of all tensors of a model under their plain names, to `verify()` against later."""
    tensors: Dict[str, torch.Tensor] = {}
    for name, tensor in [*named_parameters(model), *_named_buffers(model)]:
        if name not in tensors:
            tensors[name] = _full(tensor.detach()).clone()
    return tensors


def _bytes(tensor: Any) -> Any:
    """The elements as rows of bytes, in memory of the CPU."""
    tensor = _full(tensor.detach()).cpu().contiguous()
    return tensor.reshape(tensor.shape[0] if tensor.dim() else 1, -1).view(torch.uint8) if tensor.numel() else tensor


def _shape_and_type(source: Any, name: str) -> Optional[Tuple[Tuple[int, ...], str]]:
    if isinstance(source, Checkpoint):
        if name not in source:
            return None
        info = source.info(name)
        return info.shape, info.dtype
    tensor = source.get(name)
    return None if tensor is None else (tuple(tensor.shape), _DTYPES[tensor.dtype])


def _rows_of_bytes(source: Any, name: str, shape: Tuple[int, ...]) -> torch.Tensor:
    if isinstance(source, Checkpoint):
        data = source.read(name)
        if not data:
            return torch.empty(0)
        flat = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        return flat.reshape(shape[0] if shape else 1, -1)
    return _bytes(source[name])


def verify(before: Before, model: Before, mask: Union[Mask, str, "os.PathLike[str]"]) -> Proof:
    """Compares a model with what it was, byte for byte wherever the mask freezes.

        before = espalier.torch.snapshot(model)
        train(model)
        assert espalier.torch.verify(before, model, mask).holds

    Args:
        before: a snapshot, a state_dict, a model, a checkpoint, or the path of one.
        model: the same choice.
        mask: the mask, or its path.

    Raises:
        MaskMismatchError: the mask lists a tensor that `before` does not have.
    """
    mask = mask if isinstance(mask, Mask) else Mask.load(mask)
    old, new = (_tensors(source) for source in (before, model))
    violations: List[Violation] = []
    proven_tensors = proven_rows = proven_bytes = 0
    changed: List[str] = []
    unchanged: List[str] = []
    for name, state in mask.items():
        was, now = _shape_and_type(old, name), _shape_and_type(new, name)
        if was is None:
            raise _errors.MaskMismatchError(f"the mask lists {name!r}, and there is no such tensor before training",
                                            kind="otherCheckpoint", key=name)
        if now is None:
            violations.append(Violation(name, "missing", f'"{name}" is missing', []))
        elif was[1] != now[1]:
            violations.append(Violation(name, "dtype", f'"{name}" was {was[1]}, is {now[1]}', []))
        elif was[0] != now[0]:
            violations.append(Violation(name, "shape", f'"{name}" was {list(was[0])}, is {list(now[0])}', []))
        else:
            a, b = _rows_of_bytes(old, name, was[0]), _rows_of_bytes(new, name, now[0])
            same = torch.equal(a, b)
            if state is not False:
                (unchanged if same else changed).append(name)
            if state is True:
                continue
            if state is False and same:
                proven_tensors += 1
                proven_bytes += a.numel()
                continue
            rows = a.shape[0]
            frozen = [(0, rows)] if state is False else _frozen_rows(state, rows)
            differ = [] if same else [
                start + row for start, end in frozen
                for row in (a[start:end] != b[start:end]).any(1).nonzero().flatten().tolist()]
            if not differ:
                count = sum(end - start for start, end in frozen)
                proven_rows += count
                proven_bytes += count * a.shape[1]
                continue
            if not was[0]:
                violations.append(Violation(name, "bytes", f'"{name}" is frozen and has changed', []))
                continue
            found: List[Tuple[int, int]] = []
            for row in differ:
                if found and found[-1][1] == row:
                    found[-1] = (found[-1][0], row + 1)
                else:
                    found.append((row, row + 1))
            noun = "row" if len(differ) == 1 else "rows"
            violations.append(Violation(
                name, "bytes", f'"{name}" is frozen and has changed in {len(differ)} {noun}, the first is {differ[0]}', found))
    listed = new if isinstance(new, Checkpoint) else new.keys()
    return Proof(violations, proven_tensors, proven_rows, proven_bytes, changed, unchanged,
                 [name for name in listed if name not in mask])


def _tensors(source: Before) -> Any:
    """A checkpoint, or a mapping from plain name to tensor."""
    if isinstance(source, nn.Module):
        tensors: Dict[str, torch.Tensor] = {}
        for name, tensor in [*named_parameters(source), *_named_buffers(source)]:
            tensors.setdefault(name, tensor)
        return tensors
    if isinstance(source, Checkpoint) or isinstance(source, (str, os.PathLike)):
        return opened(source)
    return {_plain(name, ["module"] if all(key.startswith("module.") for key in source) else []): tensor
            for name, tensor in source.items()}

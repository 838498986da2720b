internal import CheckpointFiles
internal import OrderedCollections

extension FreezeMask {
  /// A Python file that needs only PyTorch.
  ///
  /// - Parameter callback: whether it has a callback for the Trainer of Hugging Face.
  func torchModule(callback: Bool) -> String {
    var text = TorchText.opening(layoutDigest, callback: callback)
    text += "\nMASK = {\n"
    for (key, state) in states {
      text += "    \(TorchText.literal(key.string)): "
      switch state {
      case .trainable: text += "True,\n"
      case .frozen: text += "False,\n"
      case .rows(let rows):
        let ranges = rows.ranges.map { "[\($0.lowerBound), \($0.upperBound)]" }
        text += "[\(ranges.joined(separator: ", "))],\n"
      }
    }
    return text + "}\n" + TorchText.functions + (callback ? TorchText.callback : "")
  }
}

/// The text of the Python file.
private enum TorchText {
  static func opening(_ digest: String, callback: Bool) -> String {
    let use =
      callback
      ? """
          trainer = Trainer(model=model, callbacks=[FreezeMaskCallback(model)], ...)

      The callback freezes when it is created: the Trainer builds its optimizer from the parameters that are left.
      """
      : """
          parameters = apply(model)                 # before DDP, after fully_shard
          optimizer = torch.optim.AdamW(parameters)
          hold(model, optimizer)                    # frozen rows stay, whatever the optimizer does
      """
    return """
      \"\"\"What trains and what is frozen, written by `espalier mask export`.

      \(use)

      A parameter that the mask does not list is an error, and so is one that the model does not have.
      The mask belongs to the layout \(digest).
      \"\"\"

      import torch
      \(callback ? "from transformers import TrainerCallback\n" : "")
      # True trains, False is frozen, [[start, end], ...] trains these rows of dimension 0.
      """
  }

  /// A string of Python, in ASCII.
  static func literal(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case " "..."~": result.unicodeScalars.append(scalar)
      default:
        let digits = String(scalar.value, radix: 16)
        result += "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
      }
    }
    return result + "\""
  }

  static let functions = #"""

    _WRAPPERS = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}


    def _plain(name):
        """The name without what torch.compile, FSDP and DDP put into it."""
        parts = [part for part in name.split(".") if part not in _WRAPPERS]
        while len(parts) > 1 and parts[0] == "module" and ".".join(parts) not in MASK:
            parts.pop(0)
        return ".".join(parts)


    def _parameters(model):
        found = {_plain(name): p for name, p in model.named_parameters(remove_duplicate=False)}
        buffers = {_plain(name) for name, _ in model.named_buffers(remove_duplicate=False)}
        missing = [n for n, train in MASK.items() if n not in found and (train or n not in buffers)]
        unexpected = [n for n in found if n not in MASK]
        if missing or unexpected:
            raise ValueError(f"the mask does not fit the model: missing keys {missing[:5]}, "
                             f"unexpected keys {unexpected[:5]}")
        decided = {}
        for name, p in found.items():
            first = decided.setdefault(id(p), name)
            if MASK[first] != MASK[name]:
                raise ValueError(f"{first} and {name} are one tensor, and the mask trains one of them")
        return {name: p for name, p in found.items() if decided[id(p)] == name}


    def _kept(p, rows):
        """True in the rows that train, in the shape of the parameter."""
        keep = torch.zeros(p.shape, dtype=torch.bool, device=p.device)
        for start, end in rows:
            keep[start:end] = True
        if hasattr(p, "device_mesh"):  # a sharded tensor
            from torch.distributed.tensor import distribute_tensor
            keep = distribute_tensor(keep, p.device_mesh, p.placements)
        return keep


    def apply(model):
        """Freezes what the mask freezes, and returns the parameters that train."""
        trained = []
        for name, p in _parameters(model).items():
            train = MASK[name]
            p.requires_grad_(train is not False)
            if train is False:
                continue
            trained.append(p)
            if train is not True:
                hook = getattr(p, "_espalier_hook", None)
                if hook is not None:
                    hook.remove()
                keep = _kept(p, train)
                p._espalier_hook = p.register_hook(
                    lambda gradient, keep=keep: torch.where(keep, gradient, torch.zeros_like(gradient)))
        return trained


    def hold(model, optimizer):
        """Puts frozen rows back after every step: weight decay moves rows that have no gradient."""
        while hasattr(optimizer, "optimizer"):  # Accelerate wraps it
            optimizer = optimizer.optimizer
        partial = [(p, MASK[n]) for n, p in _parameters(model).items() if isinstance(MASK[n], list)]
        held = [(p, _kept(p, rows), p.detach().clone()) for p, rows in partial]

        @torch.no_grad()
        def restore(*_):
            for p, keep, base in held:
                p.copy_(torch.where(keep, p, base))

        return optimizer.register_step_post_hook(restore)

    """#

  static let callback = #"""


    class FreezeMaskCallback(TrainerCallback):
        """Applies the mask when it is created and checks it before the first step, also of a resumed run."""

        def __init__(self, model):
            apply(model)

        def on_train_begin(self, args, state, control, model=None, optimizer=None, **_):
            wrong = [n for n, p in _parameters(model).items() if p.requires_grad == (MASK[n] is False)]
            if wrong:
                raise ValueError(f"not as the mask demands: {wrong[:5]}")
            self._held = hold(model, optimizer)

    """#
}

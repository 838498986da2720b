/// Whole modules (`torch.save(model)`): which of their tensors `state_dict()` has, under which keys.
extension TorchStructure {
  /// The parts of a module that make up its state dict.
  private struct ModuleParts {
    let parameters: PickleDictionary
    let buffers: PickleDictionary
    /// The names of buffers that a state dict leaves out.
    let hiddenBuffers: Set<DictionaryKey>
    let modules: PickleDictionary
    /// Attributes that are objects of TorchScript with tensors in them, such as the packed weights of a quantised
    /// layer. The module's class has code that puts their tensors into the state dict.
    let scriptObjects: [(name: String, value: NodeID)]
    /// What looking at them costs.
    let cost: Int
  }

  /// The parts of `id`, or `nil` when it is not a module. Its class is not asked: any may be derived from
  /// `torch.nn.Module`.
  private func moduleParts(_ id: NodeID) -> ModuleParts? {
    guard case .object(let object) = self[id], let state = object.state,
      case .dictionary(let attributes) = self[state]
    else { return nil }
    var found: [Key: NodeID] = [:]
    var scriptObjects: [(name: String, value: NodeID)] = []
    for index in stride(from: 0, to: attributes.items.count - 1, by: 2) {
      guard case .string(let name) = self[attributes.items[index]] else { continue }
      let value = attributes.items[index + 1]
      if name.utf8.first == 0x5F { found[Key(name)] = value }
      if holdsTensors[Int(value)], isScriptObject(value) { scriptObjects.append((name, value)) }
    }
    func dictionary(_ name: Key) -> PickleDictionary? {
      guard let id = found[name], case .dictionary(let dictionary) = self[id] else { return nil }
      return dictionary
    }
    guard let parameters = dictionary("_parameters"), let buffers = dictionary("_buffers"),
      let modules = dictionary("_modules")
    else { return nil }
    var hidden: Set<DictionaryKey> = []
    if let names = found["_non_persistent_buffers_set"], case .set(let names) = self[names] {
      hidden = Set(names.map(dictionaryKey))
    }
    return ModuleParts(
      parameters: parameters, buffers: buffers, hiddenBuffers: hidden, modules: modules,
      scriptObjects: scriptObjects,
      cost: attributes.items.count + parameters.items.count + buffers.items.count
        + modules.items.count + hidden.count)
  }

  /// Whether `id` is an object of a class of TorchScript or of PyTorch's C++.
  private func isScriptObject(_ id: NodeID) -> Bool {
    guard case .object(let object) = self[id], case .global(let global) = self[object.function]
    else { return false }
    return global.path.utf8.equals("torch.ScriptObject")
  }

  /// Whether `id` is a module of PyTorch.
  func isModule(_ id: NodeID) -> Bool { moduleParts(id) != nil }

  /// The entries of `state_dict()` of the module `id`, in its order: of each module its parameters, its
  /// persistent buffers, the objects of TorchScript that hold tensors, and then the modules inside of it. Empty for what is not a module.
  ///
  /// A module that is in several places is listed in each of them; one inside itself is not entered
  /// again.
  ///
  /// - Parameter budget: what the walk may still cost.
  /// - Throws: `CheckpointError` when that is not enough, or modules are nested too deeply.
  func stateDictionary(
    ofModule id: NodeID, budget: inout Int
  ) throws(CheckpointError) -> [Child] {
    struct Frame {
      let id: NodeID
      let prefix: String
      let modules: [Child]
      var next = 0
    }
    var result: [Child] = []
    var frames: [Frame] = []
    var onPath: Set<NodeID> = []

    func spend(_ amount: Int) throws(CheckpointError) {
      budget -= amount
      guard budget > 0 else { throw TorchStructure.repetition }
    }

    func enter(_ id: NodeID, _ prefix: String) throws(CheckpointError) {
      guard let parts = moduleParts(id), onPath.insert(id).inserted else { return }
      guard frames.count < TorchStructure.maximumDepth else { throw TorchStructure.tooDeep }
      try spend(parts.cost)
      let parameters = children(ofItems: parts.parameters.items)
      let buffers = children(ofItems: parts.buffers.items).filter { child in
        child.key.map { !parts.hiddenBuffers.contains(dictionaryKey($0)) } ?? true
      }
      for child in parameters + buffers {
        if case .none = self[child.value] { continue }
        try spend(8 + prefix.utf8.count + child.name.utf8.count)
        result.append(Child(name: prefix + child.name, value: child.value, key: nil))
      }
      for (name, value) in parts.scriptObjects {
        try spend(8 + prefix.utf8.count + name.utf8.count)
        result.append(Child(name: prefix + name, value: value, key: nil))
      }
      let modules = children(ofItems: parts.modules.items)
      frames.append(Frame(id: id, prefix: prefix, modules: modules))
    }

    try enter(id, "")
    while let place = frames.indices.last {
      let frame = frames[place]
      guard frame.next < frame.modules.count else {
        onPath.remove(frame.id)
        frames.removeLast()
        continue
      }
      frames[place].next += 1
      let child = frame.modules[frame.next]
      try spend(8 + frame.prefix.utf8.count)
      try enter(child.value, frame.prefix + child.name + ".")
    }
    return result
  }
}

/// What of a PyTorch file can be written again so that `torch.load(weights_only=True)` makes the same value
/// of it.
extension TorchStructure {
  /// Whether a value is left out of what is written: a class or call that Espalier does not know, or one
  /// that the reference would refuse, or that would make another value.
  func isLeftOut(_ id: NodeID) -> Bool { whyLeftOut(id) != nil }

  /// Why the value itself, whatever it contains, cannot be written; `nil` when it can.
  private func whyLeftOut(_ id: NodeID) -> String? {
    switch self[id] {
    case .bigInteger(let bytes):
      // The opcode for more is not among those that the reference reads.
      return bytes.count < 256 ? nil : "an integer of \(bytes.count) bytes"
    case .string(let text):
      return text.utf8.count <= UInt32.max ? nil : "a string of \(text.utf8.count) bytes"
    case .global(let global):
      return global.writtenName == nil ? "\(quoted(global.path))" : nil
    case .object(let object):
      return isWritable(object) ? nil : "a value of \(quoted(nodes.typeName(id)))"
    case .tensor: return "a tensor that is an attribute of another value or a key"
    case .storage: return "a storage without a tensor"
    default: return nil
    }
  }

  /// Whether a call that was kept is one that the reference makes, with arguments that it takes.
  private func isWritable(_ object: PickleObject) -> Bool {
    guard !object.isForeign, !object.isInstance, object.state == nil,
      case .global(let global) = self[object.function], global.isPlain,
      case .tuple(let arguments) = self[object.arguments]
    else { return false }
    switch (global.path, arguments.count) {
    case ("torch.Size", 1):
      switch self[arguments[0]] {
      case .tuple(let extents), .list(let extents):
        return extents.allSatisfy { if case .integer = self[$0] { true } else { false } }
      default: return false
      }
    case ("torch.device", 1): return deviceType(arguments[0]) != nil
    case ("torch.device", 2):
      guard let type = deviceType(arguments[0]), !type.utf8.contains(UInt8(ascii: ":")),
        case .integer(let index) = self[arguments[1]]
      else { return false }
      return (0..<128).contains(index)
    case ("torch.serialization._get_layout", 1):
      guard case .string(let name) = self[arguments[0]] else { return false }
      return TorchStructure.layouts.contains(Key(name))
    default: return false
    }
  }

  /// The text of a device that PyTorch accepts, such as `cuda:0`.
  private func deviceType(_ id: NodeID) -> String? {
    guard case .string(let text) = self[id] else { return nil }
    let parts = text.parts(separatedBy: ":")
    guard parts.count <= 2, TorchStructure.deviceTypes.contains(Key(String(parts[0]))) else {
      return nil
    }
    guard parts.count > 1 else { return text }
    let digits = parts[1]
    guard let index = Int(digits), (0..<128).contains(index), digits.utf8.equals(String(index))
    else {
      return nil
    }
    return text
  }

  private static let deviceTypes: Set<Key> = [
    "cpu", "cuda", "ipu", "xpu", "mkldnn", "opengl", "opencl", "ideep", "hip", "ve", "fpga", "maia",
    "xla", "lazy", "vulkan", "mps", "meta", "hpu", "mtia", "privateuseone",
  ]

  private static let layouts: Set<Key> = [
    "torch.strided", "torch.sparse_coo", "torch.sparse_csr", "torch.sparse_csc", "torch.sparse_bsr",
    "torch.sparse_bsc", "torch._mkldnn", "torch.jagged",
  ]

  /// Whether `state` can be the attributes of a tensor: a dictionary, or a dictionary and slots.
  func areTensorAttributes(_ state: NodeID) -> Bool {
    func isDictionary(_ id: NodeID) -> Bool {
      switch self[id] {
      case .none, .dictionary: true
      default: false
      }
    }
    if case .tuple(let parts) = self[state] {
      return parts.count == 2 && parts.allSatisfy(isDictionary)
    }
    return isDictionary(state)
  }

  // MARK: Search

  /// The first value in `id` that ``isLeftOut(_:)``, with its key and why.
  ///
  /// - Parameter visited: values that were examined before; they are passed over.
  func firstLeftOut(
    _ id: NodeID, _ prefix: String?, _ visited: inout Set<NodeID>
  ) -> (key: Key, reason: String)? {
    first(in: id, prefix, &visited, where: whyLeftOut)
  }

  /// Where the first value of a class that Espalier does not know is; `nil` when there is none, or it is
  /// the whole file.
  var firstForeignKey: Key? {
    var visited: Set<NodeID> = []
    let found = first(in: root, nil, &visited) { id in
      switch self[id] {
      case .global: isForeign(id) ? "" : nil
      case .object(let object):
        object.isForeign || children(of: object.arguments).contains { isForeign($0.value) }
          ? "" : nil
      default: nil
      }
    }
    return found.flatMap { $0.key == "" ? nil : $0.key }
  }

  /// Whether a value is a class or function that Espalier does not know.
  private func isForeign(_ id: NodeID) -> Bool {
    if case .global(let global) = self[id] { global.constructor == nil } else { false }
  }

  private func first(
    in id: NodeID, _ prefix: String?, _ visited: inout Set<NodeID>,
    where reason: (NodeID) -> String?
  ) -> (key: Key, reason: String)? {
    // Each value with the place in this list of the one that it was found in.
    var found: [(id: NodeID, name: String, parent: Int)] = [(id, prefix ?? "", -1)]
    var next = 0
    while next < found.count {
      let place = next
      next += 1
      let id = found[place].id
      if let reason = reason(id) {
        var parts: [String] = []
        var current = place
        while current >= 0 {
          parts.append(found[current].name)
          current = found[current].parent
        }
        if parts.last?.isEmpty == true { parts.removeLast() }
        return (Key(parts.reversed().joined(separator: ".")), reason)
      }
      switch self[id] {
      case .dictionary(let dictionary):
        guard visited.insert(id).inserted else { continue }
        for child in children(of: id) {
          if let key = child.key { found.append((key, child.name, place)) }
          found.append((child.value, child.name, place))
        }
        if let state = dictionary.state { found.append((state, "(attributes)", place)) }
      case .list, .tuple, .set:
        guard visited.insert(id).inserted else { continue }
        for child in children(of: id) { found.append((child.value, child.name, place)) }
      default: break
      }
    }
    return nil
  }
}

extension PickleGlobal {
  /// The module and name under which `torch.load(weights_only=True)` knows the value; `nil` when it
  /// does not.
  var writtenName: (module: String, name: String)? {
    guard let constructor else { return nil }
    switch constructor {
    case .dtype:
      // Each dtype has one name that is loaded; `torch.half` is another name of `torch.float16`.
      return (module, DType(torchName: name)?.torchName ?? name)
    case .storage(let dtype, _):
      switch module {
      case "torch":
        return name == "UntypedStorage" || name == "_UntypedStorage" ? nil : (module, name)
      case "torch.cuda": return dtype == nil ? nil : (module, name)
      case "torch.storage":
        return name == "UntypedStorage" || name == "TypedStorage" ? (module, name) : nil
      default: return nil
      }
    case .unreadableTensor where name == "_rebuild_sparse_csr_tensor": return nil
    default: return (module, name)
    }
  }
}

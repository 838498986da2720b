internal import CheckpointFiles
internal import OrderedCollections

/// How the names that an adapter has for a model's tensors become keys of a checkpoint.
///
/// An adapter names the tensors of one model, and the checkpoint may be of a larger model that holds it, or of its
/// trunk without the name of the trunk: all its names get the same prefix, or lose it.
struct LoRANames: Hashable {
  /// What is put before every name.
  private var added = ""
  /// What the names that begin with it lose.
  private var dropped = ""

  private init(added: String, dropped: String) {
    self.added = added
    self.dropped = dropped
  }

  func key(_ name: String) -> Key {
    Key(
      added
        + (!dropped.isEmpty && Key(name).begins(with: dropped)
          ? Key(name).dropping(dropped).string : name))
  }

  /// The name that the model has for `key`; `nil` when it is outside of the model.
  func name(of key: Key) -> String? {
    key.begins(with: added) ? dropped + key.dropping(added).string : nil
  }

  /// - Parameters:
  ///   - required: for each member that must be in the checkpoint, the names that it may have.
  ///   - keys: the checkpoint's.
  /// - Throws: ``SurgeryError`` for the first name that is not there, or when several tensors may be meant.
  init(
    _ required: [[String]], in keys: OrderedSet<Key>, _ operation: SurgeryOperation
  ) throws(SurgeryError) {
    func missing(_ names: LoRANames) -> [String]? {
      required.first { !$0.contains { keys.contains(names.key($0)) } }
    }
    // The names as they are come first, whatever else ends the same.
    guard let absent = missing(self),
      // The longest is the end of the fewest keys.
      let first = required.max(by: { ($0.first?.utf8.count ?? 0) < ($1.first?.utf8.count ?? 0) })
    else { return }
    var candidates: [LoRANames] = []
    for name in first {
      for key in keys where key.ends(with: "." + name) {
        candidates.append(LoRANames(added: key.droppingLast(name).string, dropped: ""))
      }
      let parts = Key(name).components
      if let trunk = parts.first, parts.count > 1,
        !keys.contains(where: { $0.begins(with: trunk + ".") })
      {
        candidates.append(LoRANames(added: "", dropped: trunk + "."))
      }
    }
    let fits = OrderedSet(candidates).prefix(1000).filter { missing($0) == nil }
    if fits.count == 1 {
      self = fits[0]
      return
    }
    if fits.count > 1 {
      throw .merge(operation, .severalTargets(first[0], fits.map { $0.key(first[0]) }))
    }
    // Where another naming takes the first member, the trouble is the member that it does not take.
    let name = candidates.compactMap(missing).first { $0 != first } ?? absent
    let near = closest(to: name[0], among: keys.map(\.string))
    throw .merge(operation, .noTarget(name[0], near: near))
  }
}

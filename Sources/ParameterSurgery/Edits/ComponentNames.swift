internal import CheckpointFiles

/// The components of a plan's keys, each once and with a number: thousands of nodes have one name.
struct ComponentNames: Sendable {
  /// The number of the empty component.
  static let empty: Int32 = 0

  private(set) var components: [Key] = [""]
  private var numbers: [Key: Int32] = ["": empty]

  /// The number of `component`, which is new if it had none.
  mutating func insert(_ component: Key) -> Int32 {
    if let number = numbers[component] { return number }
    let number = Int32(components.count)
    numbers[component] = number
    components.append(component)
    return number
  }

  /// The number of `component`, when a node has or had it.
  func number(of component: Key) -> Int32? { numbers[component] }

  subscript(number: Int32) -> Key { components[Int(number)] }
}

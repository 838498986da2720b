/// The dropouts of one step: every place in the model draws from its own stream, so that what is
/// dropped depends on seed, step and place alone, not on threads.
package struct DropoutStreams: Sendable {
  let seed: UInt64
  let step: Int

  package init(seed: UInt64, step: Int) {
    self.seed = seed
    self.step = step
  }

  func stream(_ probability: Float, site: Int) -> Dropout? {
    guard probability > 0 else { return nil }
    let mixed = seed &+ UInt64(truncatingIfNeeded: step) &* 0x9E37_79B9_7F4A_7C15
    return Dropout(
      probability: probability, seed: mixed, stream: UInt32(truncatingIfNeeded: site))
  }
}

/// The rows that train as they were in the best epoch.
///
/// Beyond ``memoryLimit`` bytes they lie in a temporary file, for they are touched once an epoch.
final class BestRows {
  private let rows: [Matrix]
  private let buffer: FloatBuffer

  static let memoryLimit = 128_000_000

  /// Room for what trains of `parameters`.
  ///
  /// - Throws: `FineTuningError` when there is no disk for it.
  init(_ parameters: [Parameter]) throws(FineTuningError) {
    let count = parameters.reduce(0) { $0 + $1.trainableCount }
    let buffer =
      count * MemoryLayout<Float>.size > BestRows.memoryLimit
      ? try FloatBuffer(temporaryFileOf: count)
      : FloatBuffer(count: count, content: .uninitialized)
    var start = 0
    rows = parameters.map { parameter in
      defer { start += parameter.trainableCount }
      return Matrix(
        buffer, offset: start,
        rows: parameter.trainableCount / max(1, parameter.values.columns),
        columns: parameter.values.columns)
    }
    self.buffer = buffer
  }

  /// The best rows of more parameters than `best` was made for: what did not train then has not moved.
  ///
  /// - Throws: `FineTuningError` when there is no disk for it.
  convenience init(
    _ parameters: [Parameter], from best: BestRows, of former: [Parameter]
  ) throws(FineTuningError) {
    try self.init(parameters)
    copy(parameters)
    var places: [String: Int] = [:]
    for (index, parameter) in former.enumerated() { places[parameter.name] = index }
    for (index, parameter) in parameters.enumerated() {
      guard let place = places[parameter.name] else { continue }
      TrainingState.copyRows(
        from: former[place].rows, best[place], to: parameter.rows, self[index])
    }
    buffer.releasePages()
  }

  /// The rows of parameter `index`, stacked.
  subscript(index: Int) -> Matrix { rows[index] }

  /// Takes the rows from the parameters that this was made for.
  func copy(_ parameters: [Parameter]) {
    // The pages of the file would count as memory of the process until all is copied.
    var unreleased = 0
    for (parameter, kept) in zip(parameters, rows) {
      for (values, stacked) in parameter.ranges {
        kept.rows(stacked).assign(parameter.values.rows(values))
      }
      unreleased += kept.count * MemoryLayout<Float>.size
      if unreleased > BestRows.memoryLimit / 4 {
        buffer.releasePages()
        unreleased = 0
      }
    }
    buffer.releasePages()
  }

  /// Gives them back.
  func restore(_ parameters: [Parameter]) {
    for (parameter, kept) in zip(parameters, rows) { parameter.assign(stackedRows: kept) }
    buffer.releasePages()
  }
}

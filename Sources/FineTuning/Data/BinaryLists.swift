internal import CheckpointFiles

/// Tells lists of 0 and 1, with an element for each label, from lists of names.
///
/// scikit-learn and transformers want `[1, 1, 0]` for three labels of which the first two are right. The rows of
/// a file are such lists when every element is 0 or 1 and all have the same length; anything that is neither that
/// nor a list of different names is an error.
struct BinaryLists {
  private let path: String
  /// The places of the ones of every row, as long as all rows are lists of 0 and 1 of one length.
  private var sets: [[Int]]? = []
  private var length: Int?
  private var firstLine = 0
  /// The first list that holds a name twice.
  private var repeated: (name: String, line: Int, isBinary: Bool)?
  /// The first list that is not one of 0 and 1, or is of another length than the first.
  private var other: (line: Int, length: Int)?

  init(path: String) { self.path = path }

  /// Takes the list of the next row.
  ///
  /// - Throws: `FineTuningError` for a list of numbers that are no labels.
  mutating func append(_ elements: [LabelElement], _ line: Int) throws(FineTuningError) {
    if let fraction = elements.first(where: \.isFraction) {
      throw .fractionInList(fraction.text, path: path, line: line)
    }
    let isBinary = !elements.isEmpty && elements.allSatisfy { $0.bit != nil }
    if length == nil { (length, firstLine) = (elements.count, line) }
    if isBinary, elements.count == length {
      sets?.append(elements.indices.filter { elements[$0].bit == true })
    } else {
      sets = nil
      if other == nil { other = (line, elements.count) }
    }
    guard repeated == nil else { return }
    var seen: Set<[UInt8]> = []
    for element in elements
    where !seen.insert(Array(LabelText.canonical(element.text).utf8)).inserted {
      repeated = (element.text, line, isBinary)
      return
    }
  }

  /// The places of the ones of every row, when the rows are lists of 0 and 1; `nil` when they are names.
  ///
  /// - Throws: `FineTuningError` that names the line of a list that is neither.
  func finished() throws(FineTuningError) -> (sets: [[Int]], length: Int, line: Int)? {
    if let sets, let length, !sets.isEmpty {
      guard length > 1 else {
        throw .singleBits(path: path, line: firstLine)
      }
      return (sets, length, firstLine)
    }
    guard let repeated else { return nil }
    if repeated.isBinary, let other, let length {
      throw other.length == length
        ? .listBesideOther(
          line: other.line, length: other.length, path: path, line: repeated.line)
        : .listsOfOtherLength(
          other.length, line: other.line, than: length, line: firstLine, path: path,
          line: repeated.line)
    }
    throw .labelTwice(repeated.name, path: path, line: repeated.line)
  }
}

import ArgumentParser
import CheckpointFiles

/// A number of bytes as a user writes it: `500MB`, `2GB`, `1GiB`, `1048576`.
struct ByteSize: Sendable {
  let bytes: Int

  /// The size that an option was given.
  ///
  /// - Throws: `ValidationError` when `argument` is not a size.
  static func parsed(_ argument: String) throws -> ByteSize {
    guard let size = ByteSize(argument: argument) else {
      throw ValidationError(
        "\(quoted(argument)) is not a number of bytes; use one such as 500MB, 2GB or 1GiB")
    }
    return size
  }

  private static let units: [(String, Int)] = [
    ("KIB", 1 << 10), ("MIB", 1 << 20), ("GIB", 1 << 30), ("TIB", 1 << 40), ("KB", 1000),
    ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000), ("B", 1), ("", 1),
  ]

  init?(argument: String) {
    let text = argument.uppercased()
    for (unit, factor) in ByteSize.units where text.hasSuffix(unit) {
      guard let number = Int(text.dropLast(unit.count)), number > 0 else { return nil }
      let (bytes, overflow) = number.multipliedReportingOverflow(by: factor)
      guard !overflow else { return nil }
      self.bytes = bytes
      return
    }
    return nil
  }
}

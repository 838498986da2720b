import CheckpointFiles
import FineTuning
import ParameterSurgery

/// The SHA-256 of everything that a run is computed from.
struct RunDigests {
  /// What a digest is of.
  enum Part: String, CaseIterable {
    /// The tensors of the model, whatever their file: as `base_sha256` of a delta.
    case model
    /// `config.json` of the model.
    case configuration
    /// The names and the digests of the tokenizer's files.
    case tokenizer
    /// The files of the command line.
    case data, eval, mask

    /// For a message.
    var noun: String {
      switch self {
      case .model: "the model"
      case .configuration: "config.json of the model"
      case .tokenizer: "the tokenizer"
      case .data: "the training data"
      case .eval: "the evaluation data"
      case .mask: "the mask"
      }
    }
  }

  private var digests: [Part: String] = [:]

  subscript(part: Part) -> String? { digests[part] }

  /// - Throws: when a file cannot be read.
  init(_ command: TrainCommand, _ run: TrainingRun) throws {
    let model = try run.modelDigests()
    digests = [
      .model: model.tensors, .configuration: model.configuration, .tokenizer: model.tokenizer,
    ]
    for (part, path) in [
      (Part.data, command.data), (.eval, command.eval), (.mask, command.masks.first),
    ] {
      // What comes through a pipe cannot be read again.
      if let path, let file = try? InputFile(path: path) {
        digests[part] = try RunDigests.hexadecimal(of: file)
      }
    }
  }

  private static func hexadecimal(of file: InputFile) throws -> String {
    var hash = SHA256Hash()
    let size = 1 << 20
    for start in stride(from: 0, to: file.byteCount, by: size) {
      hash.update(try file.bytes(at: start, count: min(size, file.byteCount - start)))
    }
    return hash.hexadecimal()
  }

  /// What differs from the run that wrote `file`, a sentence each.
  ///
  /// - Parameter words: the words of the command line: what it names itself is meant to be another.
  func differences(from file: RunFile, given words: [String]) -> [String] {
    Part.allCases.compactMap { part in
      guard let before = file.digests[part], let now = digests[part], !before.isSame(as: now),
        !RunFile.replaces(part, words)
      else { return nil }
      return
        "\(file.path): \(part.noun) is not the one of this run, so the result will differ "
        + "(SHA-256 \(before.prefix(12))… in the file, \(now.prefix(12))… now)"
    }
  }
}

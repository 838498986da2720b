import ArgumentParser
import CheckpointFiles
import FineTuning

/// One option of `train` in the file of a run.
struct RunFileMember: Sendable {
  /// What the value must be.
  enum Kind: Sendable {
    case text, integer, number, flag
    /// A text, or a list of texts.
    case texts
    /// A text, or an integer: the name of a column or its number, `all` or a count.
    case textOrInteger
    /// The same, or a list of them.
    case textsOrIntegers
    /// A number, a text such as `SELECTOR=RATE`, or a list of them.
    case rates

    /// For a message.
    var expectation: String {
      switch self {
      case .text: "a text in quotes"
      case .integer: "an integer"
      case .number: "a number"
      case .flag: "true or false"
      case .texts: "a text in quotes or a list of them"
      case .textOrInteger: "a text in quotes or an integer"
      case .textsOrIntegers: "a text in quotes, an integer or a list of them"
      case .rates: "a number, a text such as \"SELECTOR=RATE\" or a list of them"
      }
    }

    private var isList: Bool {
      switch self {
      case .texts, .textsOrIntegers, .rates: true
      default: false
      }
    }

    /// The words of the value on a command line, without the option's name; `nil` when it is of another kind.
    func words(_ value: TOMLDocument.Value) -> [String]? {
      if case .list(let elements) = value.kind {
        guard isList else { return nil }
        let words = elements.compactMap(word)
        return words.count == elements.count ? words : nil
      }
      return word(value).map { [$0] }
    }

    private func word(_ value: TOMLDocument.Value) -> String? {
      switch (value.kind, self) {
      case (.text(let text), .text), (.text(let text), .texts), (.text(let text), .textOrInteger),
        (.text(let text), .textsOrIntegers), (.text(let text), .rates):
        text
      case (.integer(let digits), .integer), (.integer(let digits), .number),
        (.integer(let digits), .textOrInteger), (.integer(let digits), .textsOrIntegers),
        (.integer(let digits), .rates):
        digits
      case (.float(let digits), .number), (.float(let digits), .rates): digits
      default: nil
      }
    }
  }

  /// The name of the option, without its hyphens.
  let name: String
  let kind: Kind
  /// The value of a command, as the file of a result has it; `nil` when the option is not given. Options that change no
  /// result are not written.
  let value: (@Sendable (TrainCommand) -> String?)?

  private init(
    _ name: String, _ kind: Kind, _ value: (@Sendable (TrainCommand) -> String?)? = nil
  ) {
    (self.name, self.kind, self.value) = (name, kind, value)
  }

  /// Every option of `train`, in the order in which a file has them.
  static let all: [RunFileMember] = [
    RunFileMember("model", .text) { $0.model.map(text) },
    RunFileMember("mask", .text) { $0.masks.first.map(text) },
    RunFileMember("train", .texts) { list($0.train) },
    RunFileMember("unfreeze-at", .texts) {
      list($0.unfreezeAt.map { "\($0.epoch):\($0.selector)" })
    },
    RunFileMember("head", .text) { $0.head.map { text("\($0)") } },
    RunFileMember("ignore-foreign", .flag) { flag($0.ignoreForeign) },
    RunFileMember("data", .text) { $0.data.map(text) },
    RunFileMember("eval", .text) { $0.eval.map(text) },
    RunFileMember("task", .text) { $0.task.map { text($0.rawValue) } },
    RunFileMember("data-format", .text) { $0.dataArguments.dataFormat.map { text($0.rawValue) } },
    RunFileMember("separator", .text) { $0.dataArguments.separator.map { text($0.text) } },
    RunFileMember("quotes", .text) { text($0.dataArguments.quotes.rawValue) },
    RunFileMember("header", .text) { text($0.dataArguments.header.rawValue) },
    RunFileMember("text-column", .textOrInteger) { $0.dataArguments.textColumn.map(text) },
    RunFileMember("text-pair-column", .textOrInteger) { $0.dataArguments.textPairColumn.map(text) },
    RunFileMember("label-column", .textOrInteger) { $0.dataArguments.labelColumn.map(text) },
    RunFileMember("label-columns", .textsOrIntegers) { list($0.dataArguments.labelColumns) },
    RunFileMember("pooling", .text) { $0.arguments.pooling.map { text($0.rawValue) } },
    RunFileMember("max-length", .integer) { $0.arguments.maxLength.map { "\($0)" } },
    RunFileMember("epochs", .integer) { "\($0.arguments.epochs)" },
    RunFileMember("batch-size", .integer) { "\($0.arguments.batchSize)" },
    RunFileMember("accumulate", .integer) { "\($0.arguments.accumulate)" },
    RunFileMember("lr", .rates) { rates($0.arguments.learningRates) },
    RunFileMember("learning-rate", .rates),
    RunFileMember("lr-decay", .number) { number($0.arguments.layerDecay) },
    RunFileMember("weight-decay", .number) { number($0.arguments.weightDecay) },
    RunFileMember("decay", .text) { text($0.arguments.decay.rawValue) },
    RunFileMember("warmup", .number) { $0.arguments.warmup.defaultValueDescription },
    RunFileMember("schedule", .text) { text($0.arguments.schedule.rawValue) },
    RunFileMember("max-grad-norm", .number) { number($0.arguments.maxGradNorm) },
    RunFileMember("label-smoothing", .number) { number($0.arguments.labelSmoothing) },
    RunFileMember("balance", .flag) { flag($0.arguments.balance) },
    RunFileMember("seed", .integer) { "\($0.arguments.seed)" },
    RunFileMember("patience", .integer) { $0.arguments.patience.map { "\($0)" } },
    RunFileMember("best-by", .text) { text($0.arguments.bestBy.rawValue) },
    RunFileMember("no-dropout", .flag) { flag($0.arguments.noDropout) },
    RunFileMember("trunk-dropout", .flag) { flag($0.arguments.trunkDropout) },
    RunFileMember("cache-memory", .textOrInteger) { "\($0.arguments.cacheMemory.bytes)" },
    RunFileMember("precision", .text) { text($0.arguments.precision.rawValue) },
    RunFileMember("save", .text) { text($0.save.rawValue) },
    RunFileMember("keep-epochs", .textOrInteger) { $0.keepEpochs.map { text("\($0)") } },
    RunFileMember("output", .text), RunFileMember("cache-dir", .text),
    RunFileMember("threads", .integer), RunFileMember("folds", .integer),
    RunFileMember("seeds", .integer), RunFileMember("dry-run", .flag), RunFileMember("json", .flag),
    RunFileMember("explain", .flag), RunFileMember("expect", .integer),
    RunFileMember("progress", .text),
  ]

  /// Names of which a command has one: a flag of the command line is in place of all of them.
  static let alternatives: [Set<String>] = [
    ["mask", "train"], ["no-dropout", "trunk-dropout"], ["label-column", "label-columns"],
    ["lr", "learning-rate"], ["folds", "seeds"], ["folds", "output"], ["seeds", "output"],
  ]

  // MARK: - Values as a file has them

  /// A text in quotes.
  static func text(_ text: String) -> String {
    // The escapes of JSON's texts are a part of those of TOML; a DEL has none in JSON.
    "\"" + text.unicodeScalars.map(escaped).joined() + "\""
  }

  private static func escaped(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\"": "\\\""
    case "\\": "\\\\"
    case "\t": "\\t"
    case "\n": "\\n"
    case "\r": "\\r"
    case _ where scalar.value < 0x20 || scalar.value == 0x7F:
      "\\u" + String(String(scalar.value + 0x1_0000, radix: 16).dropFirst())
    default: String(scalar)
    }
  }

  private static func list(_ texts: [String]) -> String? {
    switch texts.count {
    case 0: nil
    case 1: text(texts[0])
    default: "[" + texts.map(text).joined(separator: ", ") + "]"
    }
  }

  private static func flag(_ value: Bool) -> String? { value ? "true" : nil }

  private static func number(_ value: Double) -> String { "\(value)" }

  private static func rates(_ rates: [RateArgument]) -> String? {
    let texts = rates.map { rate in
      rate.selector.map { text("\($0)=\(rate.rate)") } ?? number(rate.rate)
    }
    return texts.isEmpty
      ? nil : texts.count == 1 ? texts[0] : "[" + texts.joined(separator: ", ") + "]"
  }
}

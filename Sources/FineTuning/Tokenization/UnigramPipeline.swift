internal import CheckpointFiles

/// Sentencepiece's unigram model from `tokenizer.json`, as XLM-RoBERTa uses it.
struct UnigramPipeline: SubwordPipeline {
  private let model: UnigramModel
  private let normalizer: Normalizer
  private let metaspace: Metaspace

  var vocabulary: Vocabulary { model.vocabulary }

  init(_ settings: TokenizerSettings) throws(FineTuningError) {
    let document = settings.document
    normalizer = try Normalizer(document["normalizer"] ?? .null, settings)
    metaspace = try Metaspace(document["pre_tokenizer"] ?? .null, settings)
    model = try UnigramModel(document["model"] ?? .null, path: settings.path)
  }

  func withNormalized(
    _ text: [UInt8], _ range: Range<Int>, _ body: ([UInt8], Range<Int>) -> Void
  ) {
    let bytes = normalizer.normalize(String(decoding: text[range], as: UTF8.self))
    body(bytes, bytes.indices)
  }

  func append(_ text: [UInt8], _ range: Range<Int>, opensText: Bool, to ids: inout [Int32]) {
    metaspace.forEachWord(of: text, range, opensText: opensText) { model.append($0, to: &ids) }
  }

  /// What happens to a text before it is cut: the precompiled map, and runs of blanks made one.
  private struct Normalizer: Sendable {
    enum Step {
      case map(PrecompiledNormalizer)
      case oneBlank([UInt8])
    }

    var steps: [Step] = []

    init(_ value: JSONValue, _ settings: TokenizerSettings) throws(FineTuningError) {
      if value == .null { return }
      let parts = value["type"]?.word == "Sequence" ? value["normalizers"]?.array ?? [] : [value]
      for part in parts {
        if part["type"]?.word == "Replace", part["pattern"]?["Regex"]?.word == " {2,}" {
          steps.append(.oneBlank(Array((part["content"]?.string ?? "").utf8)))
          continue
        }
        try settings.demand(.normalizer, part, "Precompiled")
        steps.append(
          .map(
            try PrecompiledNormalizer(
              base64: part["precompiled_charsmap"]?.string ?? "", path: settings.path)))
      }
    }

    func normalize(_ text: String) -> [UInt8] {
      var bytes = Array(text.utf8)
      for step in steps {
        switch step {
        case .map(let map): bytes = map.normalize(String(decoding: bytes, as: UTF8.self))
        case .oneBlank(let content):
          var out: [UInt8] = []
          var index = 0
          while index < bytes.count {
            let start = index
            while index < bytes.count, bytes[index] == 0x20 { index += 1 }
            if index - start >= 2 {
              out.append(contentsOf: content)
            } else if index > start {
              out.append(0x20)
            } else {
              out.append(bytes[index])
              index += 1
            }
          }
          bytes = out
        }
      }
      return bytes
    }
  }

  /// The `Metaspace` pre-tokenizer: blanks become a visible mark, and words begin with it.
  private struct Metaspace: Sendable {
    let mark: [UInt8]
    var addsMark = true
    var addsAtStartOnly = false
    let cuts: Bool
    /// Whether words are cut at any white space first.
    let cutsAtSpace: Bool
    private let tables = UnicodeTables.shared

    init(_ value: JSONValue, _ settings: TokenizerSettings) throws(FineTuningError) {
      var parts =
        value["type"]?.word == "Sequence" ? value["pretokenizers"]?.array ?? [] : [value]
      cutsAtSpace = parts.count == 2 && parts[0]["type"]?.word == "WhitespaceSplit"
      if cutsAtSpace { parts.removeFirst() }
      let part = parts.count == 1 ? parts[0] : .null
      try settings.demand(.preTokenizer, part, "Metaspace")
      mark = Array((part["replacement"]?.string ?? "▁").utf8)
      cuts = part["split"]?.bool ?? true
      switch part["prepend_scheme"]?.string {
      case "never": addsMark = false
      case "first": addsAtStartOnly = true
      case "always": break
      case nil: addsMark = part["add_prefix_space"]?.bool ?? true
      case let scheme?:
        throw .tokenizerMember(
          "prepend_scheme", .string(scheme), expected: .words(["always", "first", "never"]),
          path: settings.path)
      }
    }

    func forEachWord(
      of text: [UInt8], _ range: Range<Int>, opensText: Bool, _ body: ([UInt8]) -> Void
    ) {
      guard cutsAtSpace else { return marked(text[range], opensText: opensText, body) }
      var start = range.lowerBound
      var index = start
      while index < range.upperBound {
        let here = index
        guard tables[decodeScalar(text, &index)].contains(.whitespace) else { continue }
        marked(text[start..<here], opensText: opensText && start == range.lowerBound, body)
        start = index
      }
      marked(
        text[start..<range.upperBound], opensText: opensText && start == range.lowerBound, body)
    }

    private func marked(_ piece: ArraySlice<UInt8>, opensText: Bool, _ body: ([UInt8]) -> Void) {
      if piece.isEmpty { return }
      var word: [UInt8] = []
      for byte in piece {
        if byte == 0x20 { word.append(contentsOf: mark) } else { word.append(byte) }
      }
      if addsMark, !addsAtStartOnly || opensText, !word.starts(with: mark) {
        word.insert(contentsOf: mark, at: 0)
      }
      guard cuts, let first = mark.first else { return body(word) }
      var start = 0
      var index = 1
      while index < word.count {
        if word[index] == first, word[index...].starts(with: mark) {
          body(Array(word[start..<index]))
          start = index
        }
        index += 1
      }
      body(Array(word[start...]))
    }
  }
}

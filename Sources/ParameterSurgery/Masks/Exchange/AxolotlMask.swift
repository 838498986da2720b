internal import CheckpointFiles
internal import OrderedCollections

/// How axolotl reads an item of `unfrozen_parameters`: an expression that matches from the start of a
/// name, in which a dot is a dot unless a plus follows, and after it a range of rows in brackets.
struct AxolotlPattern {
  /// The expression as Python's `re` gets it.
  let expression: String
  /// The rows; `nil` for all of them.
  let rows: (start: Int, end: Int?)?

  /// - Throws: ``SurgeryError`` when the rows are not numbers in range.
  init(_ item: String) throws(SurgeryError) {
    var name = item[...]
    let text = item.unicodeScalars
    if text.last == "]", let open = text.lastIndex(of: "["), open > text.startIndex {
      let inner = text[text.index(after: open)...].dropLast()
      let parts = inner.split(separator: ":", omittingEmptySubsequences: false).map {
        Substring($0)
      }
      if parts.count <= 2, parts.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } }) {
        rows = try AxolotlPattern.range(parts, of: item)
        name = item[..<open]
      } else {
        rows = nil
      }
    } else {
      rows = nil
    }
    expression = AxolotlPattern.literalDots(name)
  }

  /// `[3]` is one row, `[2:5]`, `[2:]` and `[:5]` are ranges, `[]` is every row.
  private static func range(
    _ parts: [Substring], of item: String
  ) throws(SurgeryError) -> (start: Int, end: Int?) {
    let numbers = parts.map { $0.isEmpty ? nil : Int($0) }
    guard zip(parts, numbers).allSatisfy({ $0.isEmpty || $1 != nil && $1 != .max }) else {
      throw .invalidRows(item)
    }
    let start = (numbers.first ?? nil) ?? 0
    if parts.count == 1 { return parts[0].isEmpty ? (0, nil) : (start, start + 1) }
    return (start, numbers[1])
  }

  /// `re.sub(r"\.(?!\+)", "\\.", name)`.
  private static func literalDots(_ name: Substring) -> String {
    var result = ""
    for index in name.unicodeScalars.indices {
      let scalar = name.unicodeScalars[index]
      let next = name.unicodeScalars.index(after: index)
      if scalar == ".", next == name.unicodeScalars.endIndex || name.unicodeScalars[next] != "+" {
        result += "\\"
      }
      result.unicodeScalars.append(scalar)
    }
    return result
  }
}

extension MaskReader {
  /// The modules that `freeze_mm_modules` freezes, wherever one of them is a component of a name.
  private static let multimodal: Set<Key> = [
    "vision_tower", "vision_model", "vision_encoder", "embed_vision", "multi_modal_projector",
    "visual", "audio_tower", "audio_model", "embed_audio",
  ]

  /// `unfrozen_parameters`, then `freeze_mm_modules`.
  mutating func readAxolotl(_ settings: TrainerSettings) throws(SurgeryError) {
    try settings.refuse([
      "adapter": "axolotl trains the adapter, and patterns match the names that PEFT gives",
      "lisa_n_layers": "LISA trains other layers from time to time, which one mask cannot express",
      "spectrum_top_fraction": "Spectrum chooses the parameters by itself while axolotl runs",
    ])
    try settings.refuseUnknown(
      except: ["unfrozen_parameters", "freeze_mm_modules", "peft_trainable_token_indices"],
      of: "axolotl")
    let freezesModules = try settings.flag("freeze_mm_modules") ?? false
    let items = try settings.texts("unfrozen_parameters") ?? []
    guard !items.isEmpty || freezesModules else {
      throw .noUnfrozenParameters
    }
    if items.isEmpty { trained = Set(parameters.map(\.key)) }
    for item in items { try readAxolotl(item) }
    if freezesModules {
      let frozen = parameters.filter {
        $0.key.parts.contains { MaskReader.multimodal.contains($0) }
      }
      guard !frozen.isEmpty else { throw .noMultimodalModule }
      for info in frozen {
        trained.remove(info.key)
        rows[info.key] = nil
      }
      notes.append("freeze_mm_modules freezes \(grouped(frozen.count)) of the tensors")
    }
    if !rows.isEmpty {
      notes.append("axolotl lets weight decay act on frozen rows; the mask does not")
    }
    if try settings.value("fix_untrained_tokens") != nil {
      notes.append(
        "axolotl changes rows of the embeddings before the first step (fix_untrained_tokens), whatever trains"
      )
    }
    spreadOverTies()
  }

  private mutating func readAxolotl(_ item: String) throws(SurgeryError) {
    let pattern = try AxolotlPattern(item)
    var regex = try PythonRegex(pattern.expression)
    for key in try match(item, in: "unfrozen_parameters", { regex.match($0) }) {
      trained.insert(key)
      guard let range = pattern.rows else { continue }
      let count = tree[key]?.rowCount ?? 0
      let end = range.end ?? count
      guard range.start < end, end <= count else {
        throw .absentRows(item, of: key, rowCount: count)
      }
      rows[key] = (rows[key] ?? RowSet([])).union(RowSet([range.start..<end]))
    }
  }
}

extension FreezeMask {
  /// The patterns are anchored at both ends, because axolotl matches only from the start. It reads a dot as a dot,
  /// unless a plus follows, and a plus of a name gets a backslash.
  var axolotlPatterns: String {
    var text = ""
    if states.values.contains(where: { if case .rows = $0 { true } else { false } }) {
      text += "# Axolotl lets weight decay act on the frozen rows of these tensors: set it to 0.\n"
    }
    text += "unfrozen_parameters:\n"
    for (key, state) in states {
      let pattern = "^\(PythonRegex.escaped(key.string, dots: false))$"
      switch state {
      case .frozen: continue
      case .trainable: text += "  - \(YAMLSections.scalar(pattern))\n"
      case .rows(let rows):
        for range in rows.ranges {
          let item = "\(pattern)[\(range.lowerBound):\(range.upperBound)]"
          text += "  - \(YAMLSections.scalar(item))\n"
        }
      }
    }
    return text
  }
}

import ArgumentParser
import CheckpointFiles
import FineTuning
import OrderedCollections
import ParameterSurgery

/// `espalier graft`: adds a new head to an encoder.
struct GraftCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "graft",
    abstract: "Add a freshly initialised classification head to an encoder.",
    usage: "espalier graft <base> --head <head> --labels <n> -o <out> [<options>]",
    discussion: """
      --head mlp:128 adds linear - tanh - linear as linear.0 and linear.2; --head linear adds one layer \
      as linear. Values are drawn as torch.nn.Linear draws them and depend only on the seed. --head \
      classifier adds the head of the class that transformers uses for sequence classification, such as \
      BertForSequenceClassification, drawn as transformers draws it. AutoModelForSequenceClassification \
      loads the result; pooling is that of the class (BERT: pooler, others: the first token). OUT is a \
      file when it ends in .safetensors, .bin, .pt, .pth or .ckpt, otherwise a new directory in the \
      Hugging Face layout, with the configuration and the tokenizer of the base.

        espalier graft all-MiniLM-L6-v2 --head mlp:128 --labels 2 -o base
      """)

  @Argument(
    help: "The encoder: a file, an index of shards, or a directory.", completion: .file(),
    transform: HuggingFaceCache.path(of:)
  )
  var base: String

  @Option(
    help: ArgumentHelp("The head to add: mlp:WIDTH, linear or classifier.", valueName: "head"))
  var head: String

  @Option(help: ArgumentHelp("The number of classes.", valueName: "n"))
  var labels: Int

  @Option(
    help: ArgumentHelp(
      """
      Add this prefix to the keys of the encoder that do not have it; '' adds none. Default: bert. when \
      the keys begin with embeddings.
      """, valueName: "prefix"))
  var prefix: String?

  @Flag(
    help: """
      Keep the names LayerNorm.gamma and .beta, and keep cls.* and position_ids. By default, the first \
      are renamed and the others are left out, as in a tuned classifier.
      """)
  var keepNames = false

  @Option(help: ArgumentHelp("The seed of the initial values.", valueName: "n"))
  var seed: UInt64 = 0

  @OptionGroup var foreign: ForeignOptions
  @OptionGroup var older: ReplaceOptions
  @OptionGroup var written: CheckpointOutput

  @OptionGroup var format: OutputOptions
  @OptionGroup var progress: ProgressOptions

  func validate() throws {
    guard (1...Graft.maximumExtent).contains(labels) else {
      throw ValidationError("--labels takes a number from 1 to \(grouped(Graft.maximumExtent))")
    }
    guard Head(argument: head) != nil else {
      throw ValidationError(
        "\(quoted(head)) is not a head; use mlp:WIDTH (such as mlp:128), linear or classifier")
    }
    if head == "classifier", prefix != nil || keepNames {
      throw ValidationError(
        "--head classifier uses the names of its class; leave out \(prefix == nil ? "--keep-names" : "--prefix")"
      )
    }
    try ModelOutput.checkEnding(of: written.output)
  }

  func run() throws {
    let encoder = try foreign.open(base)
    let output = ModelOutput(
      base: encoder, path: written.output, ignoresForeign: foreign.ignoreForeign,
      replacesOlder: older.replace)
    let isOwn = head == "classifier"
    let sentence = try SentenceSettings(ofModelIn: output.sourceFolder)
    let (before, grafted) =
      isOwn ? try ownHead(on: encoder, output) : try newHead(on: encoder)
    let bar = Progress(
      "writing", total: grafted.tensors.values.reduce(0) { $0 + $1.byteCount }, unit: .bytes,
      mode: progress.progress)
    if output.writesConfiguration { try ModelFolder.checkSettings(from: output.sourceFolder) }
    try output.write(grafted, progress: bar) { files in
      try ModelFolder.addSettings(
        to: &files, of: grafted, from: output.sourceFolder, labels: labels, sentence: sentence,
        isOwn: isOwn)
    }
    bar.finish()
    if let sentence, WholeFile.isFolder(written.output) {
      for note in sentence.notes { StandardError.note(note) }
    }
    let added = Array(grafted.keys).filter { !before.contains($0) }
    if format.json { printJSON(grafted, added) } else { print(grafted, added) }
  }

  /// The encoder with `linear` or `linear - tanh - linear`, and the keys that are not new.
  private func newHead(on encoder: Checkpoint) throws -> (before: Set<Key>, Checkpoint) {
    let prefix = self.prefix ?? EncoderNames.missingPrefix(in: encoder)
    let names = keepNames ? nil : try EncoderNames(encoder)
    let renamed = names?.checkpoint ?? encoder
    let grafted = try InputError.naming(base) {
      try renamed.grafting(
        Graft(head: Graft.Head(head), labels: labels, prefix: prefix, seed: seed))
    }
    if let names { note(names) }
    return (Set(renamed.keys.flatMap { [$0, Key(prefix + $0.string)] }), grafted)
  }

  /// The encoder with the head of its family's own class, and the keys that are not new.
  private func ownHead(
    on encoder: Checkpoint, _ output: ModelOutput
  ) throws -> (before: Set<Key>, Checkpoint) {
    let path = Path.join(output.sourceFolder, "config.json")
    guard WholeFile.exists(path) else {
      throw InputError(
        "\(base): --head classifier needs a config.json, and there is none in \(output.sourceFolder); "
          + "use --head linear")
    }
    let json = try ModelFolder.json(path)
    let configuration = try BERTConfiguration(json, path: path)
    let graft = try InputError.naming(base) {
      try ClassifierGraft(encoder, configuration, json: json, labels: labels, seed: seed)
    }
    let family = configuration.family
    if !graft.dropped.isEmpty {
      note(
        leftOut: graft.dropped,
        "\(family.classifierClass) does not have \(graft.dropped.count == 1 ? "it" : "them")")
    }
    if graft.addsPooler {
      StandardError.note(
        "\(base): the checkpoint has no pooler, which \(family.classifierClass) needs; a new one is added"
      )
    }
    StandardError.note(
      "the pooling of \(family.classifierClass) is \(family.classifierPooling.rawValue)")
    let names = Set(graft.checkpoint.keys)
    let head = Set(
      names.filter { key in
        !key.string.hasPrefix(family.member + ".")
          || graft.addsPooler && key.string.contains(".pooler.")
      })
    return (names.subtracting(head), graft.checkpoint)
  }

  private func note(leftOut keys: [Key], _ reason: String) {
    StandardError.note(
      "\(Text.counted(keys.count, "tensor")) left out, because \(reason): "
        + keys.prefix(3).map { quoted($0.string) }.joined(separator: ", ")
        + (keys.count > 3 ? ", …" : ""))
  }

  private func note(_ names: EncoderNames) {
    if let first = names.renamed.first {
      StandardError.note(
        "\(Text.counted(names.renamed.count, "key")) renamed, such as \(quoted(first.from.string)) to "
          + quoted(first.to.string))
    }
    if !names.dropped.isEmpty {
      StandardError.note(
        "\(Text.counted(names.dropped.count, "tensor")) left out, because no classifier has "
          + (names.dropped.count == 1 ? "it: " : "them: ")
          + names.dropped.prefix(3).map { quoted($0.string) }.joined(separator: ", ")
          + (names.dropped.count > 3 ? ", …" : ""))
    }
  }

  private func print(_ grafted: Checkpoint, _ added: [Key]) {
    let elements = grafted.tensors.values.reduce(0) { $0 + $1.shape.count }
    StandardOutput.shared.sentence(
      "\(written.output): \(Text.counted(grafted.tensors.count, "tensor")), \(countText(elements)) elements, "
        + "\(grouped(added.count)) tensors added")
    var table = Table([
      .init(""), .init("", shrinks: true), .init(""), .init(""), .init("", .right),
    ])
    table.hasHeadings = false
    for key in added {
      guard let tensor = grafted[key] else { continue }
      table.append([
        "+", shown(key.string), tensor.dtype.name, shapeText(tensor.shape.dimensions),
        byteText(tensor.byteCount),
      ])
    }
    let style = StandardOutput.shared.style
    table.paint = { line, _ in style.green(line) }
    table.print()
  }

  private func printJSON(_ grafted: Checkpoint, _ added: [Key]) {
    var json = JSONStream()
    json.member("path", .string(written.output))
    json.member("tensors", .integer(grafted.tensors.count))
    json.array("added", added) { key, text in
      guard let tensor = grafted[key] else { return }
      text += "{\"key\":"
      JSONValue.writeString(key.string, to: &text)
      text += ",\"dtype\":\"\(tensor.dtype.name)\",\"shape\":"
      text += JSONValue.array(tensor.shape.dimensions.map { .integer($0) }).text()
      text += ",\"bytes\":\(tensor.byteCount)}"
    }
    json.finish()
  }
}

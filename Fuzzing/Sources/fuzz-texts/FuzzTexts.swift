import CheckpointFiles
import FineTuning
import Foundation
import FuzzSupport
import ParameterSurgery

private let scratch = Scratch()

/// What libFuzzer calls with every input. Its first byte says what the rest is.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzOne(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = [UInt8](UnsafeRawBufferPointer(start: start, count: count))
  guard let first = bytes.first, let kind = InputKind(rawValue: first) else { return -1 }
  answering { try scratch.read(Array(bytes.dropFirst()), as: kind) }
  return 0
}

/// The letters that scripts/fuzz puts before its seeds.
private enum InputKind: UInt8 {
  case selector = 0x73  // s
  case rename = 0x72  // r
  case recipe = 0x79  // y
  case mask = 0x6D  // m
  case axolotl = 0x61  // a
  case llamaFactory = 0x6C  // l
  case msSwift = 0x77  // w
  case peft = 0x70  // p
  case requiresGrad = 0x67  // g
  case configuration = 0x63  // c
  case tokenizer = 0x74  // t
  case vocabulary = 0x76  // v
  case tabs = 0x64  // d
  case commas = 0x6B  // k
  case lines = 0x6A  // j
  case index = 0x78  // x
}

private final class Scratch: Sendable {
  private let folder = ScratchFolder()
  private let model: ScratchFile
  private let configuration: ScratchFile
  private let files: [InputKind: ScratchFile]
  private let checkpoint: Checkpoint
  private let tree: ParameterTree

  init() {
    let fixtures = ProcessInfo.processInfo.environment["ESPALIER_FIXTURES"] ?? "../fixtures"
    let weights = "\(fixtures)/bert-tiny/model.safetensors"
    guard let checkpoint = try? Checkpoint.open(weights),
      let bytes = FileManager.default.contents(atPath: weights)
    else { preconditionFailure("set ESPALIER_FIXTURES: there is no \(weights)") }
    self.checkpoint = checkpoint
    tree = ParameterTree(checkpoint)
    model = folder.file("model.safetensors")
    model.replace(bytes)
    configuration = folder.file("config.json")
    files = [
      .tabs: folder.file("data.tsv"), .commas: folder.file("data.csv"),
      .lines: folder.file("data.jsonl"), .index: folder.file("other.safetensors.index.json"),
      .tokenizer: folder.folder("t").file("tokenizer.json"),
      .vocabulary: folder.folder("v").file("vocab.txt"),
    ]
  }

  func remove() { folder.remove() }

  func read(_ bytes: [UInt8], as kind: InputKind) throws {
    let text = String(decoding: bytes, as: UTF8.self)
    switch kind {
    case .selector:
      let selection = try Selector(text).resolve(in: tree)
      precondition(selection.count > 0, "nothing was selected without complaint")
    case .rename:
      let rule = try KeyRewrite(text)
      let again = try KeyRewrite(rule.description)
      precondition(
        again.apply(to: tree.entries.map(\.key)) == rule.apply(to: tree.entries.map(\.key)))
    case .recipe:
      var plan = SurgeryPlan(for: checkpoint)
      for step in try Recipe(yaml: bytes).steps {
        let again = try SurgeryOperation(step.kind, step.arguments)
        precondition(again == step, "an operation changes when it is written")
        try plan.append(step)
      }
      _ = plan.apply().tensors.count
    case .mask:
      let mask = try FreezeMask(json: bytes)
      let again = try FreezeMask(json: Array(mask.jsonText.utf8))
      precondition(again == mask, "a mask changes when it is written")
      try mask.check(fits: tree)
    case .axolotl: _ = try ImportedMask(.axolotl, bytes: bytes, in: tree)
    case .llamaFactory: _ = try ImportedMask(.llamafactory, bytes: bytes, in: tree)
    case .msSwift: _ = try ImportedMask(.msSwift, bytes: bytes, in: tree)
    case .peft: _ = try ImportedMask(.peft, bytes: bytes, in: tree)
    case .requiresGrad: _ = try ImportedMask(.requiresGrad, bytes: bytes, in: tree)
    case .configuration:
      configuration.replace(bytes)
      _ = try CheckpointLint(path: folder.path, readingElements: false)
      _ = try ModelDirectory(folder.path).task()
    case .tokenizer, .vocabulary:
      files[kind]?.replace(bytes)
      let name = kind == .tokenizer ? "t" : "v"
      let tokenizer = try TokenizerFiles(directory: "\(folder.path)/\(name)").makeTokenizer()
      for text in Scratch.texts {
        let encoding = tokenizer.encode(text, text, maximumLength: 16)
        precondition(encoding.ids.count <= 16 && encoding.ids.count == encoding.tokenTypes.count)
        precondition(encoding.ids.allSatisfy { $0 >= 0 && $0 < tokenizer.vocabularySize })
      }
    case .tabs, .commas, .lines, .index:
      guard let file = files[kind] else { return }
      file.replace(bytes)
      if kind == .index {
        _ = try Checkpoint.open(file.path)
      } else {
        let data = try LabelledDataset(contentsOf: file.path)
        precondition(!data.examples.isEmpty, "a file without rows was read without complaint")
        _ = try LabelledDataset(
          contentsOf: file.path, options: DataOptions(quotes: .yes, task: .multiLabel))
      }
    }
  }

  private static let texts = [
    "", "a film to remember", "É\u{301}\u{200D}👩‍👩‍👧 ﬁ \u{FFFD}\0", "[CLS] </s>  \t東京<mask>",
    String(repeating: "un", count: 60),
  ]
}

/// The program.
@_cdecl("fuzz_texts_main")
func start(_ count: CInt, _ arguments: Arguments) -> CInt {
  atexit { scratch.remove() }
  return runFuzzer(count, arguments, fuzzOne)
}

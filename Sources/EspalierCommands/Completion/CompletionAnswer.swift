import ArgumentParser
import CheckpointFiles
import ParameterSurgery

/// What may be written at the cursor of a command line.
///
/// A file that cannot be read completes nothing: no message may appear while a user types.
struct CompletionAnswer {
  /// Files that the shell itself completes.
  enum Files: String {
    case none = "words"
    case files
    case folders
  }

  /// A word and what it is.
  struct Candidate: Equatable {
    let word: String
    let note: String
    /// Whether nothing can follow in the same word.
    let isWhole: Bool

    init(_ word: String, _ note: String = "", isWhole: Bool = true) {
      self.word = word
      self.note = note
      self.isWhole = isWhole
    }

    /// The same after `start`, which is a part of the same word.
    func after(_ start: String) -> Candidate { Candidate(start + word, note, isWhole: isWhole) }
  }

  private(set) var candidates: [Candidate] = []
  private(set) var files = Files.none

  /// The most candidates of an answer: a shell asks before it shows more.
  static let limit = 500

  init(_ context: CompletionContext) {
    switch context.place {
    case .command:
      candidates = context.command.subcommands.map {
        Candidate($0.configuration.commandName ?? "", $0.configuration.abstract)
      }
      if context.isHelp {
        candidates += HelpTopic.allCases.map { Candidate($0.rawValue, $0.abstract) }
      } else if context.command.path.count == 1 {
        candidates.append(Candidate("help", "Print the help of a command, or a topic."))
      }
    case .option:
      candidates = context.command.arguments.filter { $0.kind != .positional }.flatMap { argument in
        argument.names.flatMap { $0.split(whereSeparator: { ",/ ".contains($0) }) }
          .filter { $0.hasPrefix("--") || context.typed == "-" }
          .map { Candidate(String($0), HelpPage.firstSentence(argument.abstract)) }
      }
      candidates.append(Candidate("--help", "Print the complete help."))
    case .value(let argument):
      complete(CompletionSource(argument, in: context.command), context)
    }
    candidates = candidates.filter { $0.word.begins(with: context.typed) }
      .prefix(CompletionAnswer.limit)
      .map { $0.after(context.prefix) }
  }

  private mutating func complete(_ source: CompletionSource, _ context: CompletionContext) {
    let typed = context.typed
    switch source {
    case .files: files = .files
    case .folders: files = .folders
    case .checkpoint:
      files = .files
      candidates = HuggingFaceCache.models.filter { HuggingFaceCache.isModelName($0) }
        .map { Candidate($0, "Hugging Face cache") }
    case .mask:
      candidates = CompletionAnswer.masks(typed)
      if candidates.isEmpty { files = .files }
    case .words(let words): candidates = words.map { Candidate($0) }
    case .selector: candidates = KeyCompletion(context).selectors(typed)
    case .pair(let separator, let second):
      guard let place = typed.lastIndex(of: separator) else {
        candidates = KeyCompletion(context).selectors(typed).map {
          Candidate($0.word, $0.note, isWhole: false)
        }
        return
      }
      let first = String(typed[...place])
      candidates = second(context, String(typed[typed.index(after: place)...])).map {
        $0.after(first)
      }
    case .prefixes: candidates = KeyCompletion(context).prefixes
    case .later(let separator):
      guard let place = typed.firstIndex(of: separator) else { return }
      let first = String(typed[...place])
      candidates = KeyCompletion(context).selectors(String(typed[typed.index(after: place)...]))
        .map { $0.after(first) }
    case .otherFile:
      guard let place = typed.lastIndex(of: ":") else { return files = .files }
      let first = String(typed[...place])
      candidates = KeyCompletion(paths: [String(typed[..<place])])
        .selectors(String(typed[typed.index(after: place)...]))
        .map { $0.after(first) }
    case .none: break
    }
  }

  /// The freeze masks in the folder of the path that is typed, and its folders.
  private static func masks(_ typed: String) -> [Candidate] {
    let folder = typed.lastIndex(of: "/").map { String(typed[...$0]) } ?? ""
    let path = folder.isEmpty ? "." : CompletionRequest.expanded(folder)
    guard let names = try? WholeFile.names(inFolder: path) else { return [] }
    var found: [Candidate] = []
    for name in names.sorted() where !name.hasPrefix(".") && shown(name).isSame(as: name) {
      let file = Path.join(path, name)
      if WholeFile.isFolder(file) {
        found.append(Candidate("\(folder)\(name)/", "folder", isWhole: false))
      } else if name.hasSuffix(".json"), isMask(file) {
        found.append(Candidate(folder + name, "freeze mask"))
      }
    }
    return found.contains(where: \.isWhole) ? found : []
  }

  private static func isMask(_ path: String) -> Bool {
    guard let bytes = try? WholeFile.read(path, limit: 1 << 24) else { return false }
    return String(decoding: bytes.prefix(256), as: UTF8.self).contains("espalier-freeze-mask")
  }
}

import CheckpointFiles
import FineTuning
import ParameterSurgery

/// The vocabulary of a model's directory after an edit: the files of its tokenizer, and the new ids of its tokens.
struct EditedVocabulary {
  /// The tokenizer as it is now.
  let editor: VocabularyEditor
  /// The number of tokens before the edit.
  let before: Int
  /// The new id of each former token; `nil` when no token has another id.
  let ids: [Int: Int]?

  private static let generation = "generation_config.json"

  /// The files of the directory that change, without `config.json`.
  ///
  /// - Parameters:
  ///   - folder: the directory of the base.
  ///   - isNew: whether they are for a new directory. That gets the settings of a classifier, too: they are about the
  ///     head, which does not change.
  func files(of folder: String, isNew: Bool) throws -> ModelOutput.Companions {
    var files: ModelOutput.Companions = editor.changedFiles.map { ($0.name, $0.bytes) }
    let settings = Path.join(folder, ClassifierSettings.fileName)
    if isNew, WholeFile.exists(settings) {
      files.append((ClassifierSettings.fileName, try WholeFile.read(settings, limit: 1 << 24)))
    }
    if let (json, _) = try generation(of: folder) {
      files.append((EditedVocabulary.generation, Array((json.text(indent: 2) + "\n").utf8)))
    }
    return files
  }

  /// The names of the files whose contents change, without `config.json`.
  func changedNames(of folder: String) -> [String] {
    editor.changedFiles.map(\.name)
      + ((try? generation(of: folder)) == nil ? [] : [EditedVocabulary.generation])
  }

  /// Members of `generation_config.json` that name tokens and stay as they are.
  func notes(of folder: String) throws -> [String] {
    (try generation(of: folder)?.left ?? []).map {
      "\(shown($0)) in \(EditedVocabulary.generation) names tokens by their former ids and stays as it is"
    }
  }

  /// The `generation_config.json` with new ids; `nil` when there is none, or nothing in it changes.
  private func generation(of folder: String) throws -> (json: JSONValue, left: [String])? {
    let path = Path.join(folder, EditedVocabulary.generation)
    guard let ids, WholeFile.exists(path) else { return nil }
    let json = try ModelFolder.json(path)
    let (new, left) = TokenMembers.renumbering(json, ids)
    return new == json && left.isEmpty ? nil : (new, left)
  }
}

extension SurgeryPlan {
  /// The vocabulary after the steps; `nil` when they do not change it.
  ///
  /// - Parameter before: the number of tokens before the steps.
  func editedVocabulary(before: Int?) -> EditedVocabulary? {
    guard let before, let editor = vocabulary as? VocabularyEditor, !editor.changedFiles.isEmpty
    else { return nil }
    return EditedVocabulary(editor: editor, before: before, ids: tokenIDs)
  }
}

extension SurgeryOperation {
  /// Whether the operation changes the files of a tokenizer.
  var changesVocabulary: Bool {
    switch self {
    case .addTokens, .trimVocabulary: true
    default: false
    }
  }
}

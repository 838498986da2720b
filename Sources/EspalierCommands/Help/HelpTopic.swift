import ArgumentParser
import CheckpointFiles

/// A document that the program prints: `espalier help selectors`. The texts are those of docs/, compiled in.
enum HelpTopic: String, CaseIterable {
  case selectors
  case masks
  case recipes
  case training
  case json

  /// One line for the list of topics.
  var abstract: String {
    switch self {
    case .selectors: "How tensors are selected: names, indices, patterns, filters, rows."
    case .masks: "Freeze masks: the file format, and how other trainers apply it."
    case .recipes: "The operations of edit, and the recipes that list them."
    case .training: "Fine-tuning: data, heads, schedules, resuming, measuring."
    case .json: "The members that --json prints, the schemas, and errors."
    }
  }

  /// The document in docs/.
  var document: String { self == .masks ? "mask-format.md" : "\(rawValue).md" }

  /// The Markdown text.
  var markdown: String {
    let bytes =
      switch self {
      case .selectors: PackageResources.selectors_md
      case .masks: PackageResources.masks_md
      case .recipes: PackageResources.recipes_md
      case .training: PackageResources.training_md
      case .json: PackageResources.json_md
      }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The text for a screen of `width` columns; of one section, when `words` are the start of its heading.
  func text(section words: [String], width: Int) throws -> String {
    let page = MarkdownPage(markdown, width: width, link: Documentation.page)
    guard !words.isEmpty else { return page.text }
    let wanted = words.joined(separator: " ")
    guard let section = page.section(wanted) else {
      throw ValidationError(
        "the topic \(rawValue) has no section \(quoted(wanted)); use one of "
          + page.headings.map(quoted).joined(separator: ", "))
    }
    return section
  }
}

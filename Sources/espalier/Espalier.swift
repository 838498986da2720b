import ArgumentParser

@main
struct Espalier: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "espalier",
    abstract: "Lists, compares, edits and fine-tunes checkpoints, tensor by tensor.")
}

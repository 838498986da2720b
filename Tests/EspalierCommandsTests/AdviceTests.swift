import ArgumentParser
import CheckpointFiles
import FineTuning
import ParameterSurgery
import Testing

@testable import EspalierCommands

@Suite struct `What an error advises` {
  private func advice(
    _ advice: CheckpointError.Advice, path: String = "m.pt",
    in command: (any ParsableCommand.Type)?
  ) -> String? {
    Advice.sentence(
      for: CheckpointError(.unsupported, path: path, advice: advice, "is wrong"), in: command)
  }

  @Test
  func `to leave out foreign entries is an option where there is one, and a command elsewhere`() {
    #expect(
      advice(.leaveOutForeign, in: ConvertCommand.self) == "pass --ignore-foreign to leave them out"
    )
    #expect(
      advice(.leaveOutForeign, in: ListCommand.self)
        == "to leave them out, run: espalier convert m.pt -o OUTPUT --ignore-foreign")
    #expect(
      advice(.leaveOutForeign, in: nil)
        == "to leave them out, run: espalier convert m.pt -o OUTPUT --ignore-foreign")
  }

  @Test func `to replace is given only where it is possible`() {
    #expect(advice(.replaceInput, in: EditCommand.self) == "pass --in-place to replace it")
    #expect(advice(.replaceInput, in: MergeCommand.self) == nil)
    #expect(
      advice(.replaceOlder, in: MergeCommand.self)
        == "pass --replace to remove the older checkpoint")
    #expect(advice(.replaceOlder, in: TrainCommand.self) == nil)
  }

  @Test func `names the command that goes on`() {
    #expect(
      advice(.finishChange(folder: "my model"), in: ListCommand.self)
        == "run: espalier edit 'my model' --in-place")
    #expect(advice(.nameBase, path: "head", in: EvaluateCommand.self) == "pass --base BASE")
    #expect(
      advice(.nameBase, path: "head", in: ListCommand.self)
        == "run: espalier delta apply BASE head -o OUTPUT")
    #expect(
      advice(.download(model: "org/name", revision: nil), in: nil) == "run: hf download org/name")
    #expect(
      advice(.download(model: "org/name", revision: "v1"), in: nil)
        == "run: hf download org/name --revision v1")
  }

  @Test func `of an edit is given to an edit`() {
    let error = SurgeryError(.duplicateKey, advice: .dropOrRename, "\"a\" is duplicated")
    #expect(
      Advice.sentence(for: error, in: EditCommand.self)
        == "pass --drop or --rename for one of them first")
    #expect(
      Advice.sentence(for: error, in: MergeCommand.self)
        == "drop or rename one of them with espalier edit first")
    #expect(
      Advice.sentence(
        for: SurgeryError(.matchesNothing, advice: .didYouMean(["a"]), "x"), in: EditCommand.self)
        == nil)
  }

  @Test func `of an error of a library below is found`() {
    let file = CheckpointError(.unsupported, path: "m.pt", advice: .replaceOlder, "is wrong")
    let surgery = SurgeryError(.file, underlying: file, "cannot be read")
    for error in [
      file, surgery, FineTuningError(.file, underlying: .checkpoint(file), "cannot be read"),
      FineTuningError(.file, underlying: .surgery(surgery), "cannot be read"),
      InputError("cannot be read", underlying: surgery),
    ] as [any Error] {
      #expect(
        ExitStatus.sentence(for: error, in: EditCommand.self).hasSuffix(
          "; pass --replace to remove the older checkpoint"))
    }
    #expect(Advice.sentence(for: ExitStatus.no) == nil)
  }

  @Test func `follows the sentence on the same line`() {
    let error = CheckpointError(
      .foreignCode, path: "a\nb.pt", key: "x", advice: .leaveOutForeign, "is foreign")
    #expect(
      ExitStatus.sentence(for: error, in: ListCommand.self)
        == "a\\nb.pt: is foreign (key \"x\"); to leave them out, run: espalier convert 'a\\nb.pt' -o OUTPUT "
        + "--ignore-foreign")
  }

  /// Advice must not name an option that the command refuses.
  @Test(arguments: Advice.Option.allCases)
  func `names options that the commands have`(_ option: Advice.Option) {
    #expect(!option.commands.isEmpty)
    for command in option.commands {
      let help = Espalier.helpMessage(for: command, columns: 80)
      #expect(help.contains(option.rawValue), "\(command)")
    }
  }

  @Test(arguments: [
    ("model", "model"), ("a b", "'a b'"), ("it's", #"'it'\''s'"#), ("", "''"), ("$HOME", "'$HOME'"),
    ("org/name@main", "org/name@main"), ("é", "é"), ("a;b", "'a;b'"),
  ])
  func `quotes words for a shell`(_ text: String, _ word: String) {
    #expect(Advice.shellWord(text) == word)
  }
}

@Suite struct `An error that names no file` {
  @Test func `gets the name of the input, and one that names a file keeps it`() {
    let plain = SurgeryError(.matchesNothing, "no tensor matches \"x\"")
    let placed = SurgeryError(.malformed, path: "r.yaml", "r.yaml: line 1 is not a step")
    for (error, text) in [
      (plain, "model: no tensor matches \"x\""), (placed, "r.yaml: line 1 is not a step"),
    ] {
      #expect {
        try InputError.naming("model") { throw error }
      } throws: {
        "\($0)" == text
      }
    }
  }

  @Test func `keeps its advice`() throws {
    let error = SurgeryError(.duplicateKey, advice: .dropOrRename, "\"a\" is duplicated")
    #expect {
      try InputError.naming("model") { throw error }
    } throws: {
      Advice.sentence(for: $0, in: EditCommand.self) != nil
    }
  }
}

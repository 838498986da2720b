import ArgumentParser
import CheckpointFiles
import FineTuning

/// `espalier doctor`: shows the hardware and the libraries that this build detects.
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Show the detected hardware and libraries, and how to make training faster.",
    discussion: """
      Shows the version, the backend and the reason for it, the processor, the Hugging Face cache and \
      its models, and the free space for temporary files. Include this output in a bug report.

        espalier doctor
        espalier doctor --json
      """)

  @OptionGroup var output: OutputOptions

  func run() throws {
    let findings = Findings()
    if output.json { findings.printJSON() } else { findings.print() }
  }
}

/// What is detected.
private struct Findings {
  let version = espalierVersion
  let backend = Backend.preferred
  let processor = CPUFeatures.current
  let logicalProcessors = System.logicalProcessors
  let cache = HuggingFaceCache.root
  let models = HuggingFaceCache.models
  let temporary: String
  let room: Int?

  init() {
    temporary = Environment.temporaryFolder
    room = System.room(inFolder: temporary)
  }

  /// What to do, one sentence each; empty when nothing would help.
  var advice: [String] {
    var advice: [String] = []
    if !Backend.isOneDNNBuiltIn, processor.name == "AVX-512" {
      advice.append(
        "For faster training, install oneDNN (Debian, Ubuntu: libdnnl-dev; Homebrew: onednn) and "
          + "build with: swift build -c release --traits OneDNN")
    }
    if processor.name == "baseline" {
      advice.append(
        "There are no fast kernels for this processor; one with AVX2, AVX-512 or NEON would be faster."
      )
    }
    if models.isEmpty {
      advice.append(
        "To use a model by name, download it into the cache: hf download google-bert/bert-base-uncased"
      )
    }
    if room == nil {
      advice.append("\(temporary) does not exist; set TMPDIR to an existing folder.")
    } else if !WholeFile.isWritable(temporary) {
      advice.append("\(temporary) is not writable; set TMPDIR to a writable folder.")
    } else if let room, room < 1 << 30 {
      advice.append("\(temporary) is nearly full; set TMPDIR to a folder with more free space.")
    }
    return advice
  }

  func print() {
    let out = StandardOutput.shared
    var table = Table([.init("WHAT"), .init("FOUND", shrinks: true)])
    table.append(["espalier", version])
    table.append(["backend", backend.name])
    table.append(["because", Backend.reason])
    table.append(["processor", processor.name])
    table.append(["bfloat16", bfloat16])
    table.append([
      "threads",
      "\(processor.physicalCores), one for each core; "
        + Text.counted(logicalProcessors, "logical processor"),
    ])
    table.append(["oneDNN", Backend.isOneDNNBuiltIn ? "built in" : "not built in"])
    table.append(["Hugging Face cache", "\(shown(cache)), \(Text.counted(models.count, "model"))"])
    for model in models { table.append(["", shown(model)]) }
    table.append([
      "temporary files",
      "\(shown(temporary)), " + (room.map { "\(byteText($0)) free" } ?? "does not exist"),
    ])
    table.hasHeadings = false
    table.print()
    if !advice.isEmpty { out.line() }
    for line in advice { out.line(out.style.yellow(oneLine(line))) }
  }

  private var bfloat16: String {
    if processor.hasNativeBFloat16 { return "native; --precision bf16 is fast" }
    return processor.emulatesBFloat16
      ? "emulated, slow (--precision bf16-emulated)"
      : "not available; training uses single precision"
  }

  func printJSON() {
    var json = JSONStream()
    json.member("espalier", .string(version))
    json.member(
      "backend",
      .members([
        "name": .string(backend.name), "reason": .string(Backend.reason),
        "onednn_built_in": .bool(Backend.isOneDNNBuiltIn),
      ]))
    json.member(
      "processor",
      .members([
        "instructions": .string(processor.name), "native_bf16": .bool(processor.hasNativeBFloat16),
        "cores": .integer(processor.physicalCores),
        "logical_processors": .integer(logicalProcessors),
      ]))
    json.member(
      "cache",
      .members(["path": .string(cache), "models": .array(models.map { .string($0) })]))
    json.member(
      "temporary",
      .members([
        "path": .string(temporary), "free_bytes": room.map { .integer($0) } ?? .null,
      ]))
    json.member("advice", .array(advice.map { .string($0) }))
    json.finish()
  }
}

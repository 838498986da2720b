import CheckpointFiles
import ParameterSurgery

extension PartedTie {
  /// Notes tensors that shared elements and are written separately to a file that could have kept them shared.
  static func note(in base: Checkpoint, _ result: Checkpoint, writtenTo path: String) {
    guard base.isPickled, [".pt", ".pth", ".bin", ".ckpt"].contains(where: path.hasSuffix) else {
      return
    }
    for tie in find(in: base, result).prefix(5) { StandardError.note(tie.description) }
  }
}

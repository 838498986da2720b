import CheckpointFiles
import OrderedCollections
import ParameterSurgery
import Testing

@Suite struct `A mask for views of one storage` {
  /// The left and the right columns of one matrix, and a second name of the left ones.
  private func columns() -> Checkpoint {
    let storage = TensorStorage([UInt8](repeating: 0, count: 96))
    func half(_ offset: Int) -> Tensor {
      Tensor(
        dtype: .float32, shape: [4, 3], storage: storage, byteOffset: 4 * offset, strides: [6, 1])
    }
    return Checkpoint(
      path: "m", tensors: ["left": half(0), "right": half(3), "alias": half(0)])
  }

  @Test func `that trains one of them warns of names of the same bytes alone`() throws {
    let tree = ParameterTree(columns())
    let mask = try FreezeMask(training: ["left"], in: tree)
    #expect(mask.warnings(in: tree) == [.splitTie(trainable: "left", frozen: "alias")])
    #expect(tree.ties == [["left", "alias"]])
  }

  @Test func `that comes from PyTorch trains what PyTorch trains`() throws {
    let json = #"{"left": true, "right": false}"#
    let mask = try ImportedMask(
      .requiresGrad, bytes: Array(json.utf8), in: ParameterTree(columns())
    ).mask
    #expect(mask["left"] == .trainable)
    #expect(mask["right"] == .frozen)
    #expect(mask["alias"] == .trainable)
  }
}

import CheckpointFiles
import EspalierTestSupport
import Testing

@Suite struct TensorOverlapTests {
  private let storage = TensorStorage([UInt8](repeating: 0, count: 4 * 400))

  private func view(_ extents: Shape, _ offset: Int, _ strides: [Int]?) -> Tensor {
    Tensor(
      dtype: .float32, shape: extents, storage: storage, byteOffset: 4 * offset, strides: strides)
  }

  /// The elements of a view, by their places.
  private func places(_ tensor: Tensor) -> Set<Int> {
    var places: Set<Int> = [tensor.byteOffset / 4]
    for (stride, extent) in zip(tensor.strides, tensor.shape.dimensions) {
      places = Set(places.flatMap { place in (0..<extent).map { place + $0 * stride } })
    }
    return places
  }

  @Test func `columns of one matrix side by side have nothing in common`() {
    let (left, right) = (view([20, 10], 0, [20, 1]), view([20, 10], 10, [20, 1]))
    #expect(!left.sharesStorage(with: right))
    #expect(left.sharesStorage(with: view([20, 11], 9, [20, 1])))
    let whole = view([20, 20], 0, nil)
    #expect(Tensor.tiedGroups([left, right]) == [])
    #expect(Tensor.tiedGroups([left, right, whole]) == [[0, 1, 2]])
  }

  @Test func `a matrix and its transpose are tied and not one tensor`() {
    let (w, wt) = (view([20, 20], 0, nil), view([20, 20], 0, [1, 20]))
    #expect(w.sharesStorage(with: wt))
    #expect(TensorView(w) != TensorView(wt))
    #expect(TensorView(w) == TensorView(view([20, 20], 0, [20, 1])))
    // The stride of a dimension of one element has no meaning.
    #expect(TensorView(view([5, 1], 3, [2, 7])) == TensorView(view([5, 1], 3, [2, 1])))
    #expect(TensorView(view([5], 3, [2])) != TensorView(view([5], 3, [3])))
  }

  @Test func `views overlap where their elements do`() {
    var random = SeededGenerator(seed: 11)
    for _ in 0..<3000 {
      func draw() -> Tensor {
        let rank = Int.random(in: 0...3, using: &random)
        let extents = (0..<rank).map { _ in Int.random(in: 1...4, using: &random) }
        let strides = (0..<rank).map { _ in Int.random(in: 0...25, using: &random) }
        return view(
          Shape(extents) ?? [], Int.random(in: 0...80, using: &random), strides)
      }
      let (a, b) = (draw(), draw())
      #expect(
        a.sharesStorage(with: b) == !places(a).isDisjoint(with: places(b)),
        "\(a.shape) \(a.strides) \(a.byteOffset), \(b.shape) \(b.strides) \(b.byteOffset)")
    }
  }
}

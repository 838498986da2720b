import CEspalier
import EspalierTestSupport
import Testing

@Suite struct `C interface: checkpoints` {
  @Test func `the library names its version and the layout of its structs`() {
    #expect(String(cString: espalier_version()!) == "0.1.0")
    #expect(espalier_abi_version() == ESPALIER_ABI_VERSION)
  }

  @Test(arguments: [
    ("bert-tiny/model.safetensors", "safetensors"), ("bert-tiny", "safetensors"),
    ("torch/dtypes.pt", "torch-zip"), ("torch/dtypes-legacy.pt", "torch-legacy"),
    ("bert-tiny-sharded", "sharded"),
  ])
  func `every format opens and tells its name, path and counts`(name: String, format: String) throws
  {
    let checkpoint = try opened(name)
    var info = espalier_checkpoint_info()
    #expect(espalier_info(checkpoint.number, &info) == ESPALIER_OK)
    #expect(string(info.format) == format)
    #expect(string(info.path) == Fixtures.path(name))
    let tensors = try array { espalier_tensors(checkpoint.number, $0, $1) }
    #expect(tensors.count == info.tensor_count && info.tensor_count > 0)
  }

  @Test func `a tensor has its dtype, extents, strides, sizes and file`() throws {
    let checkpoint = try opened("bert-tiny")
    var index = -1
    let key = "embeddings.word_embeddings.weight"
    #expect(espalier_find(checkpoint.number, key, key.utf8.count, &index) == ESPALIER_OK)
    var tensor = espalier_tensor()
    #expect(espalier_tensor_at(checkpoint.number, index, &tensor) == ESPALIER_OK)
    #expect(string(tensor.key) == key)
    #expect(string(tensor.dtype) == "F32")
    #expect(string(tensor.file) == Fixtures.path("bert-tiny/model.safetensors"))
    #expect((0..<tensor.rank).map { tensor.shape[$0] } == [512, 32])
    #expect((0..<tensor.rank).map { tensor.strides[$0] } == [32, 1])
    #expect(tensor.element_count == 512 * 32 && tensor.byte_count == 512 * 32 * 4)
    #expect(tensor.bit_width == 32 && tensor.is_contiguous == 1 && tensor.tied_to == -1)
    #expect(tensor.key.data[tensor.key.size] == 0)
  }

  @Test func `a sharded checkpoint names the file of each tensor`() throws {
    let checkpoint = try opened("bert-tiny-sharded")
    let files = Set(
      try array { espalier_tensors(checkpoint.number, $0, $1) }.map { string($0.file) })
    #expect(files.count > 1)
    #expect(files.allSatisfy { $0.hasPrefix(Fixtures.path("bert-tiny-sharded/")) })
  }

  @Test func `views of one storage are tied to the first`() throws {
    let checkpoint = try opened("torch/views.pt")
    let tensors = try array { espalier_tensors(checkpoint.number, $0, $1) }
    #expect(tensors.contains { $0.tied_to >= 0 })
    #expect(tensors.contains { $0.is_contiguous == 0 })
    for (index, tensor) in tensors.enumerated() { #expect(tensor.tied_to < index) }
  }

  @Test func `metadata and entries that cannot be read are listed`() throws {
    let checkpoint = try opened("torch/dtypes.safetensors")
    let metadata = try array { espalier_metadata(checkpoint.number, $0, $1) }
    #expect(metadata.map { string($0.name) } == ["made by"])
    #expect(metadata.map { string($0.value) } == ["safetensors"])
    let sparse = try opened("torch/sparse.pt")
    let unsupported = try array { espalier_unsupported(sparse.number, $0, $1) }
    #expect(unsupported.map { string($0.name) } == ["sparse", "quantised"])
    #expect(unsupported.map { string($0.value) } == ["a sparse tensor", "a quantised tensor"])
    var info = espalier_checkpoint_info()
    #expect(espalier_info(sparse.number, &info) == ESPALIER_OK)
    #expect(info.unsupported_count == unsupported.count)
  }

  @Test(arguments: [
    "torch/dtypes.pt", "torch/dtypes-legacy.pt", "torch/dtypes.safetensors", "torch/views.pt",
    "torch/deflated.pt", "torch/big-endian.pt",
  ])
  func `a view under its strides and a read are the same elements`(name: String) throws {
    let checkpoint = try opened(name)
    var viewed = 0
    let tensors = try array { espalier_tensors(checkpoint.number, $0, $1) }
    for (index, tensor) in tensors.enumerated() {
      var bytes = [UInt8](repeating: 0xA5, count: Int(tensor.byte_count) + 3)
      #expect(espalier_read(checkpoint.number, index, &bytes, bytes.count) == ESPALIER_OK)
      #expect(bytes.suffix(3) == [0xA5, 0xA5, 0xA5])
      #expect(espalier_check_elements(checkpoint.number, index) == ESPALIER_OK)
      var view = espalier_view()
      let status = espalier_view_at(checkpoint.number, index, &view)
      if status == ESPALIER_NO_VIEW { continue }
      #expect(status == ESPALIER_OK)
      viewed += 1
      #expect(gathered(tensor, view) == Array(bytes.dropLast(3)), "\(string(tensor.key))")
    }
    #expect((viewed == 0) == (name == "torch/deflated.pt" || name == "torch/big-endian.pt"))
  }

  /// The elements of a view, row-major.
  private func gathered(_ tensor: espalier_tensor, _ view: espalier_view) -> [UInt8] {
    guard tensor.element_count > 0 else { return [] }
    let memory = UnsafeRawBufferPointer(start: view.data, count: Int(view.size))
    if tensor.is_contiguous == 1 { return Array(memory) }
    let width = Int(tensor.bit_width) / 8
    var index = [Int64](repeating: 0, count: tensor.rank)
    var bytes: [UInt8] = []
    while true {
      let place = (0..<tensor.rank).reduce(0) { $0 + Int(index[$1] * tensor.strides[$1]) } * width
      bytes += memory[place..<place + width]
      var dimension = tensor.rank - 1
      while dimension >= 0 {
        index[dimension] += 1
        if index[dimension] < tensor.shape[dimension] { break }
        index[dimension] = 0
        dimension -= 1
      }
      if dimension < 0 { return bytes }
    }
  }

  @Test func `a checkpoint that is not a delta opens over any base`() throws {
    let base = try opened("bert-tiny")
    let other = try Handle {
      espalier_open_over(Fixtures.path("bert-tiny-old"), base.number, $0)
    }
    #expect(try !array { espalier_tensors(other.number, $0, $1) }.isEmpty)
  }

  @Test func `a missing file is an error with its kind and path`() {
    var handle: espalier_handle = 7
    #expect(espalier_open("nowhere.safetensors", &handle) == ESPALIER_CHECKPOINT_ERROR)
    #expect(handle == 7)
    let error = LastError.now
    #expect(error.path == "nowhere.safetensors")
    #expect(error.message.hasPrefix("nowhere.safetensors: "))
    #expect(error.status == ESPALIER_CHECKPOINT_ERROR.rawValue && !error.kind.isEmpty)
  }

  @Test func `a damaged file names the byte or the record`() throws {
    let folder = try TemporaryFolder()
    var bytes = try Fixtures.bytes(Fixtures.path("torch/dtypes.safetensors"))
    bytes.removeLast(5)
    _ = try folder.write("cut.safetensors", bytes: bytes)
    var handle: espalier_handle = 0
    #expect(
      espalier_open(folder.path("cut.safetensors"), &handle) == ESPALIER_CHECKPOINT_ERROR)
    #expect(LastError.now.path == folder.path("cut.safetensors"))
  }

  @Test func `the next call clears the last error`() throws {
    var handle: espalier_handle = 0
    #expect(espalier_open("nowhere", &handle) == ESPALIER_CHECKPOINT_ERROR)
    let checkpoint = try opened("bert-tiny")
    withExtendedLifetime(checkpoint) {
      #expect(LastError.now == LastError(status: ESPALIER_OK.rawValue))
    }
  }

  @Test func `a described model has tensors and no elements`() throws {
    let described = try model()
    let tensors = try array { espalier_tensors(described.number, $0, $1) }
    #expect(tensors.map { string($0.key) }[1] == "linear.0.weight")
    #expect(tensors.map(\.tied_to) == [-1, -1, -1, -1, 0])
    #expect(tensors.map(\.byte_count) == [128, 64, 16, 8, 128])
    var view = espalier_view()
    #expect(espalier_view_at(described.number, 0, &view) == ESPALIER_NO_ELEMENTS)
    var bytes = [UInt8](repeating: 0, count: 128)
    #expect(espalier_read(described.number, 0, &bytes, 128) == ESPALIER_NO_ELEMENTS)
    #expect(espalier_check_elements(described.number, 0) == ESPALIER_NO_ELEMENTS)
    #expect(LastError.now.key == "embed.weight")
  }
}

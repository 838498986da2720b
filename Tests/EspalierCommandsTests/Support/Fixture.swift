/// Small checkpoints, made byte by byte so that the tests do not lean on the writer.
enum Fixture {
  /// A tensor of a safetensors file.
  struct Entry {
    let key: String
    let dtype: String
    let shape: [Int]
    let bytes: [UInt8]

    init(_ key: String, _ dtype: String, _ shape: [Int], _ bytes: [UInt8]) {
      self.key = key
      self.dtype = dtype
      self.shape = shape
      self.bytes = bytes
    }

    init(_ key: String, _ shape: [Int], _ elements: [Float]) {
      self.init(
        key, "F32", shape,
        elements.flatMap { element in
          (0..<4).map { UInt8(truncatingIfNeeded: element.bitPattern >> ($0 * 8)) }
        })
    }
  }

  /// A safetensors file with the tensors in the order given. `key`s are JSON string contents.
  static func safetensors(_ entries: [Entry], metadata: String? = nil) -> [UInt8] {
    var members: [String] = []
    if let metadata { members.append("\"__metadata__\":\(metadata)") }
    var data: [UInt8] = []
    for entry in entries {
      let shape = entry.shape.map(String.init).joined(separator: ",")
      let end = data.count + entry.bytes.count
      members.append(
        "\"\(entry.key)\":{\"dtype\":\"\(entry.dtype)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(data.count),\(end)]}")
      data += entry.bytes
    }
    var header = Array("{\(members.joined(separator: ","))}".utf8)
    while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
    let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> ($0 * 8)) }
    return length + header + data
  }

  /// Something like a BERT with one layer and the story's head.
  static var story: [Entry] {
    [
      Entry("bert.embeddings.word_embeddings.weight", [6, 2], (0..<12).map { Float($0) / 4 }),
      Entry(
        "bert.embeddings.position_ids", "I64", [1, 2],
        [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
      Entry("bert.encoder.layer.0.attention.self.query.weight", [2, 2], [1, 2, 3, 4]),
      Entry("bert.encoder.layer.0.attention.self.query.bias", [2], [0.5, -0.5]),
      Entry("bert.encoder.layer.0.output.LayerNorm.weight", [2], [1, 1]),
      Entry("bert.encoder.layer.0.output.LayerNorm.bias", [2], [0, 0]),
      Entry("linear.0.weight", [3, 2], [1, -1, 2, -2, 3, -3]),
      Entry("linear.0.bias", [3], [0, 0, 0]),
      Entry("linear.2.weight", [2, 3], [1, 0, 0, 0, 1, 0]),
      Entry("linear.2.bias", [2], [0, 0]),
    ]
  }

  /// ``story`` with the elements of one tensor replaced.
  static func story(changing key: String, to elements: [Float]) -> [Entry] {
    story.map { $0.key == key ? Entry(key, $0.shape, elements) : $0 }
  }

  /// Many tensors of one element.
  static func wide(count: Int) -> [UInt8] {
    safetensors((0..<count).map { Entry("tensor.\($0)", [1], [Float($0)]) })
  }
}

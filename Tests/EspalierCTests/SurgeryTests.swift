import CEspalier
import EspalierTestSupport
import Testing

@Suite struct `C interface: selectors, masks and proofs` {
  private func select(_ checkpoint: Handle, _ selectors: [String]) throws -> Handle {
    try Handle { out in
      withTexts(selectors) { espalier_select(checkpoint.number, $0, selectors.count, out) }
    }
  }

  private func ranges(_ start: UnsafePointer<espalier_range>?, _ count: Int) -> [Range<Int64>] {
    UnsafeBufferPointer(start: start, count: count).map { $0.start..<$0.end }
  }

  @Test func `selectors select indices and rows of a checkpoint`() throws {
    let checkpoint = try opened("bert-tiny")
    let selection = try select(
      checkpoint, ["embeddings.word_embeddings.weight[10:20]", "pooler", "!pooler.dense.bias"])
    let items = try array { espalier_selection_items(selection.number, $0, $1) }
    let tensors = try array { espalier_tensors(checkpoint.number, $0, $1) }
    let found = items.map { string(tensors[$0.index].key) }
    #expect(Set(found) == ["embeddings.word_embeddings.weight", "pooler.dense.weight"])
    let rows = items.map { ranges($0.rows, $0.row_range_count) }
    #expect(rows.contains([10..<20]) && rows.contains([]))
    let explanations = try array { espalier_selection_explanations(selection.number, $0, $1) }
    #expect(explanations.map { string($0.selector) }[2] == "!pooler.dense.bias")
    #expect(explanations.map(\.is_negated) == [0, 0, 1])
    #expect(explanations.map(\.matched_count) == [1, 2, 1])
    #expect(explanations.map(\.changed_count) == [1, 2, 1])
    #expect(string(tensors[explanations[2].matched[0]].key) == "pooler.dense.bias")
  }

  @Test func `no selector selects every tensor`() throws {
    let described = try model()
    let selection = try Handle { espalier_select(described.number, nil, 0, $0) }
    let items = try array { espalier_selection_items(selection.number, $0, $1) }
    #expect(items.map(\.index) == [0, 1, 2, 3, 4])
    #expect(try array { espalier_selection_explanations(selection.number, $0, $1) }.isEmpty)
  }

  @Test func `a selector that selects nothing suggests others`() throws {
    let described = try model()
    var selection: espalier_selection = 0
    let status = withTexts(["lineer"]) { espalier_select(described.number, $0, 1, &selection) }
    #expect(status == ESPALIER_SURGERY_ERROR)
    let error = LastError.now
    #expect(error.kind == "matchesNothing" && error.selector == "lineer")
    #expect(error.suggestions == ["linear"])
    #expect(error.message.contains("selects no tensor"))
  }

  @Test func `a selector that is not written correctly names the place`() throws {
    let described = try model()
    var selection: espalier_selection = 0
    let status = withTexts(["linear[0"]) { espalier_select(described.number, $0, 1, &selection) }
    #expect(status == ESPALIER_SURGERY_ERROR)
    #expect(LastError.now.offset >= 0)
  }

  @Test func `a mask of a described model has its states, rows and warnings`() throws {
    let described = try model()
    let made = try mask(
      described,
      [
        (ESPALIER_TRAIN, "linear"), (ESPALIER_FREEZE, "**.bias"),
        (ESPALIER_TRAIN, "head.weight[2:4]"),
      ])
    let entries = try array { espalier_mask_entries(made.number, $0, $1) }
    #expect(
      entries.map { string($0.key) } == [
        "embed.weight", "head.weight", "linear.0.bias", "linear.0.weight", "steps",
      ])
    #expect(
      entries.map(\.state) == [
        ESPALIER_FROZEN, ESPALIER_ROWS, ESPALIER_FROZEN, ESPALIER_TRAINABLE, ESPALIER_FROZEN,
      ])
    #expect(ranges(entries[1].rows, entries[1].row_range_count) == [2..<4])
    var entry = espalier_mask_entry()
    #expect(espalier_mask_find(made.number, "head.weight", 11, &entry) == ESPALIER_OK)
    #expect(entry.state == ESPALIER_ROWS && entry.row_range_count == 1)
    let warnings = try array { espalier_mask_warnings(made.number, $0, $1) }
    #expect(warnings.map(\.kind) == [ESPALIER_FROZEN_SIBLING, ESPALIER_SPLIT_TIE])
    #expect(warnings.map { string($0.key) } == ["linear.0.weight", "head.weight"])
    #expect(warnings.map { string($0.other) } == ["linear.0.bias", "embed.weight"])
    #expect(warnings.allSatisfy { $0.message.size > 20 })
  }

  @Test func `a whole number that is selected to train is a warning`() throws {
    let described = try model()
    let made = try mask(described, [(ESPALIER_TRAIN, "steps"), (ESPALIER_TRAIN, "linear")])
    let warnings = try array { espalier_mask_warnings(made.number, $0, $1) }
    #expect(warnings.map(\.kind) == [ESPALIER_CANNOT_TRAIN])
    #expect(string(warnings[0].key) == "steps" && warnings[0].other.size == 0)
  }

  @Test func `a mask is the same after it is written and read, or passed as text`() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try opened("bert-tiny")
    let made = try mask(checkpoint, [(ESPALIER_TRAIN, "pooler")])
    #expect(espalier_mask_write(made.number, folder.path("mask.json")) == ESPALIER_OK)
    let read = try Handle { espalier_mask_read(folder.path("mask.json"), $0) }
    func content(_ mask: Handle) throws -> String {
      var text = espalier_text()
      try #require(espalier_mask_text(mask.number, &text) == ESPALIER_OK)
      return string(text)
    }
    #expect(try content(read) == content(made))
    let text = Array(try content(made).utf8)
    let parsed = try Handle { espalier_mask_parse(text, text.count, $0) }
    #expect(try content(parsed) == content(made))
    #expect(try content(made).contains("espalier-freeze-mask"))
    #expect(espalier_mask_check(parsed.number, checkpoint.number) == ESPALIER_OK)
  }

  @Test func `a mask of another model does not fit and the message says why`() throws {
    let checkpoint = try opened("bert-tiny")
    let made = try mask(try model(), [(ESPALIER_TRAIN, "linear")])
    #expect(espalier_mask_check(made.number, checkpoint.number) == ESPALIER_DOES_NOT_FIT)
    #expect(LastError.now.message.contains("missing keys: \"embed.weight\""))
  }

  @Test func `text that is not a mask is an error`() {
    var handle: espalier_mask = 0
    #expect(espalier_mask_parse("{", 1, &handle) == ESPALIER_SURGERY_ERROR)
    #expect(LastError.now.message.contains("not a freeze mask"))
    #expect(espalier_mask_parse("", 0, &handle) == ESPALIER_SURGERY_ERROR)
    #expect(espalier_mask_read("nowhere.json", &handle) == ESPALIER_CHECKPOINT_ERROR)
    #expect(LastError.now.path == "nowhere.json")
  }

  @Test func `rules that train nothing are an error`() throws {
    let described = try model()
    var handle: espalier_mask = 0
    #expect(
      espalier_mask_create(described.number, nil, 0, &handle) == ESPALIER_SURGERY_ERROR)
    let status = withTexts(["linear", "**"]) { texts in
      let rules = [
        espalier_rule(kind: ESPALIER_TRAIN, selector: texts[0]),
        espalier_rule(kind: ESPALIER_FREEZE, selector: texts[1]),
      ]
      return espalier_mask_create(described.number, rules, 2, &handle)
    }
    #expect(status == ESPALIER_SURGERY_ERROR)
    #expect(LastError.now.message.contains("nothing would train"))
  }

  @Test func `a proof of a checkpoint with itself holds`() throws {
    let checkpoint = try opened("bert-tiny")
    let made = try mask(checkpoint, [(ESPALIER_TRAIN, "pooler")])
    let proof = try Handle {
      espalier_verify(checkpoint.number, checkpoint.number, made.number, $0)
    }
    var summary = espalier_proof_summary()
    #expect(espalier_proof_info(proof.number, &summary) == ESPALIER_OK)
    #expect(summary.holds == 1 && summary.violation_count == 0 && summary.proven_bytes > 0)
    #expect(summary.changed_count == 0 && summary.unchanged_count == 2)
    #expect(try array { espalier_proof_violations(proof.number, $0, $1) }.isEmpty)
    let unchanged = try array { espalier_proof_keys(proof.number, ESPALIER_UNCHANGED, $0, $1) }
    #expect(unchanged.map(string) == ["pooler.dense.bias", "pooler.dense.weight"])
    for list in [
      ESPALIER_CHANGED, ESPALIER_UNEXPECTED, ESPALIER_ALIGNED, ESPALIER_ADDED, ESPALIER_IGNORED,
    ] {
      #expect(try array { espalier_proof_keys(proof.number, list, $0, $1) }.isEmpty)
    }
  }

  @Test func `a frozen row that changed is a violation with the row`() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try opened("bert-tiny")
    let key = "embeddings.word_embeddings.weight"
    let tensors = try array { espalier_tensors(checkpoint.number, $0, $1) }
    let index = try #require(tensors.firstIndex { string($0.key) == key })
    var view = espalier_view()
    try #require(espalier_view_at(checkpoint.number, index, &view) == ESPALIER_OK)
    // Where the row is in the file: the tensor's bytes occur in it once.
    var bytes = try Fixtures.bytes(Fixtures.path("bert-tiny/model.safetensors"))
    let row = [UInt8](UnsafeRawBufferPointer(start: try #require(view.data) + 7 * 128, count: 128))
    let place = try #require(
      (0...bytes.count - 128).first {
        bytes[$0] == row[0] && bytes[$0..<$0 + 128].elementsEqual(row)
      })
    bytes[place + 5] ^= 1
    _ = try folder.write("tuned.safetensors", bytes: bytes)
    let tuned = try Handle { espalier_open(folder.path("tuned.safetensors"), $0) }
    let made = try mask(checkpoint, [(ESPALIER_TRAIN, "\(key)[100:]"), (ESPALIER_TRAIN, "pooler")])
    let proof = try Handle { espalier_verify(checkpoint.number, tuned.number, made.number, $0) }
    var summary = espalier_proof_summary()
    #expect(espalier_proof_info(proof.number, &summary) == ESPALIER_OK)
    #expect(summary.holds == 0 && summary.violation_count == 1)
    let violation = try array { espalier_proof_violations(proof.number, $0, $1) }[0]
    #expect(violation.kind == ESPALIER_OTHER_BYTES && string(violation.key) == key)
    #expect(ranges(violation.rows, violation.row_range_count) == [7..<8])
    #expect(string(violation.message).contains("the first is 7"))
  }

  @Test func `a mask stays valid when its checkpoint is closed`() throws {
    let made: Handle
    do {
      let checkpoint = try opened("bert-tiny")
      made = try mask(checkpoint, [(ESPALIER_TRAIN, "pooler")])
    }
    #expect(try array { espalier_mask_entries(made.number, $0, $1) }.count == 39)
  }
}

import CEspalier
import EspalierTestSupport
import Testing

@Suite struct `C interface: misuse is an error` {
  /// Every function that takes a handle, with the handle and otherwise good arguments.
  private static func calls(_ handle: espalier_handle, good: espalier_handle, mask: espalier_handle)
    -> [(name: String, status: espalier_status)]
  {
    var (info, tensor, view) = (espalier_checkpoint_info(), espalier_tensor(), espalier_view())
    var (entry, summary, text) = (
      espalier_mask_entry(), espalier_proof_summary(), espalier_text()
    )
    var (index, count, made) = (0, 0, espalier_handle(0))
    var tensors: UnsafePointer<espalier_tensor>?
    var pairs: UnsafePointer<espalier_pair>?
    var items: UnsafePointer<espalier_item>?
    var explanations: UnsafePointer<espalier_explanation>?
    var entries: UnsafePointer<espalier_mask_entry>?
    var warnings: UnsafePointer<espalier_warning>?
    var violations: UnsafePointer<espalier_violation>?
    var keys: UnsafePointer<espalier_text>?
    var bytes = [UInt8](repeating: 0, count: 8)
    let rule = "pooler".utf8CString.withUnsafeBufferPointer { selector in
      let rule = espalier_rule(kind: ESPALIER_TRAIN, selector: selector.baseAddress)
      return espalier_mask_create(handle, [rule], 1, &made)
    }
    return [
      ("open_over", espalier_open_over(Fixtures.path("bert-tiny"), handle, &made)),
      ("info", espalier_info(handle, &info)),
      ("tensors", espalier_tensors(handle, &tensors, &count)),
      ("tensor_at", espalier_tensor_at(handle, 0, &tensor)),
      ("find", espalier_find(handle, "a", 1, &index)),
      ("metadata", espalier_metadata(handle, &pairs, &count)),
      ("unsupported", espalier_unsupported(handle, &pairs, &count)),
      ("view_at", espalier_view_at(handle, 0, &view)),
      ("read", espalier_read(handle, 0, &bytes, 8)),
      ("check_elements", espalier_check_elements(handle, 0)),
      ("select", espalier_select(handle, nil, 0, &made)),
      ("selection_items", espalier_selection_items(handle, &items, &count)),
      ("selection_explanations", espalier_selection_explanations(handle, &explanations, &count)),
      ("mask_create", rule), ("mask_write", espalier_mask_write(handle, "/dev/null/mask.json")),
      ("mask_text", espalier_mask_text(handle, &text)),
      ("mask_entries", espalier_mask_entries(handle, &entries, &count)),
      ("mask_find", espalier_mask_find(handle, "a", 1, &entry)),
      ("mask_warnings", espalier_mask_warnings(handle, &warnings, &count)),
      ("mask_check", espalier_mask_check(handle, good)),
      ("mask_check of", espalier_mask_check(mask, handle)),
      ("verify base", espalier_verify(handle, good, mask, &made)),
      ("verify tuned", espalier_verify(good, handle, mask, &made)),
      ("verify mask", espalier_verify(good, good, handle, &made)),
      ("proof_info", espalier_proof_info(handle, &summary)),
      ("proof_violations", espalier_proof_violations(handle, &violations, &count)),
      ("proof_keys", espalier_proof_keys(handle, ESPALIER_CHANGED, &keys, &count)),
    ]
  }

  @Test func `zero, closed and foreign handles are invalid in every function`() throws {
    let good = try opened("bert-tiny")
    let other = try mask(good, [(ESPALIER_TRAIN, "pooler")])
    var closed: espalier_handle = 0
    #expect(espalier_open(Fixtures.path("bert-tiny"), &closed) == ESPALIER_OK)
    #expect(espalier_close(closed) == ESPALIER_OK)
    for handle in [0, closed, .max, 1 << 40] {
      for call in Self.calls(handle, good: good.number, mask: other.number) {
        #expect(call.status == ESPALIER_INVALID_HANDLE, "\(call.name) of \(handle)")
      }
      #expect(espalier_close(handle) == ESPALIER_INVALID_HANDLE)
      #expect(LastError.now.kind == "invalidHandle")
    }
  }

  @Test func `a handle of another kind is invalid`() throws {
    let good = try opened("bert-tiny")
    let other = try mask(good, [(ESPALIER_TRAIN, "pooler")])
    let selection = try Handle { espalier_select(good.number, nil, 0, $0) }
    for call in Self.calls(selection.number, good: good.number, mask: other.number)
    where !call.name.hasPrefix("selection") {
      #expect(call.status == ESPALIER_INVALID_HANDLE, "\(call.name)")
    }
    #expect(LastError.now.message == "handle \(selection.number) is of another kind")
  }

  @Test func `numbers of handles are not used again`() throws {
    var numbers: Set<espalier_handle> = []
    for _ in 0..<20 {
      let handle = try model()
      #expect(numbers.insert(handle.number).inserted)
    }
  }

  @Test func `NULL is an invalid argument of every function`() throws {
    let good = try opened("bert-tiny")
    let g = good.number
    let made = try mask(good, [(ESPALIER_TRAIN, "pooler")])
    let m = made.number
    let proof = try Handle { espalier_verify(g, g, m, $0) }
    let p = proof.number
    let selection = try Handle { espalier_select(g, nil, 0, $0) }
    let s = selection.number
    var (h, count, index) = (espalier_handle(0), 0, 0)
    let statuses: [(String, espalier_status)] = [
      ("open path", espalier_open(nil, &h)), ("open out", espalier_open("x", nil)),
      ("open_over path", espalier_open_over(nil, g, &h)),
      ("open_over out", espalier_open_over("x", g, nil)),
      ("describe", espalier_describe(nil, 1, &h)),
      ("describe out", espalier_describe(nil, 0, nil)), ("info", espalier_info(g, nil)),
      ("tensors", espalier_tensors(g, nil, &count)), ("tensor_at", espalier_tensor_at(g, 0, nil)),
      ("find key", espalier_find(g, nil, 3, &index)), ("find out", espalier_find(g, "a", 1, nil)),
      ("metadata", espalier_metadata(g, nil, &count)),
      ("unsupported", espalier_unsupported(g, nil, nil)), ("view_at", espalier_view_at(g, 0, nil)),
      ("read", espalier_read(g, 0, nil, 1 << 20)), ("select", espalier_select(g, nil, 1, &h)),
      ("select out", espalier_select(g, nil, 0, nil)),
      ("selection_items", espalier_selection_items(s, nil, &count)),
      ("selection_explanations", espalier_selection_explanations(s, nil, &count)),
      ("mask_create", espalier_mask_create(g, nil, 1, &h)),
      (
        "mask_create selector",
        espalier_mask_create(g, [espalier_rule(kind: ESPALIER_TRAIN, selector: nil)], 1, &h)
      ),
      ("mask_create out", espalier_mask_create(g, nil, 0, nil)),
      ("mask_read", espalier_mask_read(nil, &h)), ("mask_read out", espalier_mask_read("x", nil)),
      ("mask_parse", espalier_mask_parse(nil, 4, &h)),
      ("mask_parse out", espalier_mask_parse("x", 1, nil)),
      ("mask_write", espalier_mask_write(m, nil)),
      ("mask_text", espalier_mask_text(m, nil)),
      ("mask_entries", espalier_mask_entries(m, nil, &count)),
      ("mask_find key", espalier_mask_find(m, nil, 2, nil)),
      ("mask_warnings", espalier_mask_warnings(m, nil, &count)),
      ("verify", espalier_verify(g, g, m, nil)),
      ("proof_info", espalier_proof_info(p, nil)),
      ("proof_violations", espalier_proof_violations(p, nil, &count)),
      ("proof_keys", espalier_proof_keys(p, ESPALIER_CHANGED, nil, &count)),
    ]
    for (name, status) in statuses { #expect(status == ESPALIER_INVALID_ARGUMENT, "\(name)") }
    #expect(LastError.now.message == "an argument is NULL that must not be NULL")
    #expect(h == 0)
  }

  @Test func `an index out of range and a buffer that is too small are errors`() throws {
    let good = try opened("bert-tiny")
    var (tensor, view) = (espalier_tensor(), espalier_view())
    for index in [39, .max, -1, .min] {
      #expect(espalier_tensor_at(good.number, index, &tensor) == ESPALIER_OUT_OF_RANGE)
      #expect(espalier_view_at(good.number, index, &view) == ESPALIER_OUT_OF_RANGE)
      #expect(espalier_read(good.number, index, nil, 0) == ESPALIER_OUT_OF_RANGE)
      #expect(espalier_check_elements(good.number, index) == ESPALIER_OUT_OF_RANGE)
    }
    #expect(LastError.now.message.hasSuffix("there are 39"))
    #expect(espalier_tensor_at(good.number, 0, &tensor) == ESPALIER_OK)
    var bytes = [UInt8](repeating: 1, count: Int(tensor.byte_count) - 1)
    #expect(espalier_read(good.number, 0, &bytes, bytes.count) == ESPALIER_TOO_SMALL)
    #expect(LastError.now.key == string(tensor.key))
    #expect(bytes.allSatisfy { $0 == 1 })
  }

  @Test func `a key that is not there, and text that is not UTF-8, are errors`() throws {
    let good = try opened("bert-tiny")
    var (index, handle) = (0, espalier_handle(0))
    #expect(espalier_find(good.number, "pooler", 6, &index) == ESPALIER_NO_SUCH_KEY)
    #expect(LastError.now.key == "pooler")
    #expect(espalier_find(good.number, nil, 0, &index) == ESPALIER_NO_SUCH_KEY)
    let bytes: [CChar] = [-1, -2, 0]
    #expect(espalier_find(good.number, bytes, 2, &index) == ESPALIER_INVALID_ARGUMENT)
    #expect(espalier_find(good.number, bytes, -1, &index) == ESPALIER_INVALID_ARGUMENT)
    #expect(espalier_open(bytes, &handle) == ESPALIER_INVALID_ARGUMENT)
    #expect(LastError.now.message == "the path is not valid UTF-8")
    #expect(espalier_open("", &handle) == ESPALIER_CHECKPOINT_ERROR)
  }

  @Test func `counts in the upper half of their range are errors`() throws {
    let good = try opened("bert-tiny")
    var handle: espalier_handle = 0
    withTexts(["pooler"]) { texts in
      #expect(espalier_select(good.number, texts, -1, &handle) == ESPALIER_INVALID_ARGUMENT)
    }
    let rule = espalier_rule(kind: ESPALIER_TRAIN, selector: nil)
    #expect(espalier_mask_create(good.number, [rule], -1, &handle) == ESPALIER_INVALID_ARGUMENT)
    #expect(espalier_mask_parse("{}", -2, &handle) == ESPALIER_INVALID_ARGUMENT)
    #expect(espalier_describe([espalier_description()], -1, &handle) == ESPALIER_INVALID_ARGUMENT)
  }

  @Test func `a rule and a list of keys of no kind are errors`() throws {
    let good = try opened("bert-tiny")
    let made = try mask(good, [(ESPALIER_TRAIN, "pooler")])
    let proof = try Handle { espalier_verify(good.number, good.number, made.number, $0) }
    var keys: UnsafePointer<espalier_text>?
    var (count, handle) = (0, espalier_handle(0))
    #expect(
      espalier_proof_keys(proof.number, espalier_key_list(rawValue: 6), &keys, &count)
        == ESPALIER_INVALID_ARGUMENT)
    #expect(
      espalier_proof_keys(proof.number, espalier_key_list(rawValue: .max), &keys, &count)
        == ESPALIER_INVALID_ARGUMENT)
    withTexts(["pooler"]) { texts in
      let rule = espalier_rule(kind: espalier_rule_kind(rawValue: 9), selector: texts[0])
      #expect(espalier_mask_create(good.number, [rule], 1, &handle) == ESPALIER_INVALID_ARGUMENT)
    }
  }

  @Test(arguments: [
    ([Described(key: "a", dtype: "F31", shape: [1])], "\"F31\" is not a dtype"),
    ([Described(key: "a", shape: [-1])], "an extent is negative, or there are too many elements"),
    (
      [Described(key: "a", shape: [1 << 40, 1 << 40])],
      "an extent is negative, or there are too many elements"
    ),
    (
      [Described(key: "a", dtype: "F64", shape: [1 << 62])],
      "the elements are not a whole number of bytes, or too many"
    ),
    (
      [Described(key: "a", shape: [1], tie: 0)],
      "tied_to is 0, which is not the index of an earlier tensor"
    ),
    (
      [Described(key: "a", shape: [1], tie: -2)],
      "tied_to is -2, which is not the index of an earlier tensor"
    ),
    ([Described(key: "a", shape: [1]), Described(key: "a", shape: [2])], "the key is duplicated"),
  ])
  fileprivate func `a description that cannot be is an error with its key`(
    tensors: [Described], sentence: String
  ) {
    #expect(describe(tensors).status == ESPALIER_INVALID_ARGUMENT)
    #expect(LastError.now.message == "\(sentence) (key \"a\")")
    #expect(LastError.now.key == "a")
  }

  @Test func `described tensors are not verified`() throws {
    let described = try model()
    let made = try mask(described, [(ESPALIER_TRAIN, "linear")])
    var handle: espalier_handle = 0
    #expect(
      espalier_verify(described.number, described.number, made.number, &handle)
        == ESPALIER_NO_ELEMENTS)
    #expect(
      espalier_open_over(Fixtures.path("bert-tiny"), described.number, &handle)
        == ESPALIER_NO_ELEMENTS)
  }

  @Test func `each thread has its own last error and may use the same handle`() async throws {
    let good = try opened("bert-tiny")
    let number = good.number
    await withTaskGroup(of: Bool.self) { group in
      for task in 0..<8 {
        group.addTask {
          for _ in 0..<50 {
            var (index, handle) = (0, espalier_handle(0))
            let name = "missing-\(task)"
            guard espalier_find(number, name, name.utf8.count, &index) == ESPALIER_NO_SUCH_KEY,
              LastError.now.key == name
            else { return false }
            var tensor = espalier_tensor()
            guard espalier_tensor_at(number, task, &tensor) == ESPALIER_OK,
              espalier_open(Fixtures.path("torch/views.pt"), &handle) == ESPALIER_OK,
              espalier_close(handle) == ESPALIER_OK,
              espalier_close(handle) == ESPALIER_INVALID_HANDLE
            else { return false }
          }
          return true
        }
      }
      for await isRight in group { #expect(isRight) }
    }
    withExtendedLifetime(good) {}
  }
}

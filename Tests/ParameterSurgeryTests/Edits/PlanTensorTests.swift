import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import ParameterSurgery
import Testing

/// Renames key by key: the reference for a plan, which renames the nodes of a tree.
private func renamed(_ keys: [Key], _ rule: KeyRewrite) -> [Key]? {
  let names = zip(keys, rule.apply(to: keys)).map { $1 ?? $0 }
  return Set(names).count == names.count && rule.apply(to: keys).contains { $0 != nil }
    ? names : nil
}

@Suite struct `The tensors of a plan` {
  private static let keys: [Key] = [
    "a", "a.b", "a.b.c", "a.gamma", "a.gamma.x.gamma", "gamma", "gamma.gamma", "layer.0.w",
    "layer.0.b",
    "layer.1.w", "layer.1.b", "layer.10.w", "layer.x.w", "", "..", "a..b", "é.w", "e\u{301}.w",
    "b.layer.0.w", "b.layer.1.w", "c.d.e.f.g", "c.d.e.f.h", "00.w", "0.w",
  ]
  private static let rules = [
    "a=z", "a=", "layer=block.h", "layer[{i}]=layer[{i+1}]", "**.gamma=**.weight", "**.w=**.kernel",
    "**.layer.{i}.**=**.h.{i+5}.**", "layer.{i}.{n}={n}.{i}", "layer.*.w=l.*.v", "layer.?.w=l.?.w",
    "a.**=q.**", "**=x.**", "x.**=**", "*.b=*.c", "c.d=c.d", "c.d.e=c", "/(.*)w/=$1v",
    "a.b=a.b.c.d",
    "b.layer.**=b.**", "b.**.w=b.w.**.x", "**.**.w=**.**.y", "e*=f*", "{a}.w={a}.u", "zzz=y",
    "gamma=gamma",
    "layer.1=layer.2", "layer.0=layer.1", "**.gamma.**=**.beta.**", "=x", "*=y.*", "l{a}r.0=m{a}.0",
  ]

  private func checkpoint(_ keys: [Key]) -> Checkpoint {
    var checkpoint = Checkpoint(path: "tree")
    for (place, key) in keys.enumerated() {
      checkpoint.tensors[key] = Tensor([Float(place)], shape: [1])
    }
    return checkpoint
  }

  @Test(arguments: rules)
  func `are renamed on the tree as they are key by key`(_ text: String) throws {
    guard let rule = try? KeyRewrite(text) else { return }
    var plan = SurgeryPlan(for: checkpoint(Self.keys))
    let expected = renamed(Self.keys, rule)
    do throws(SurgeryError) {
      try plan.append(.rename(rule))
    } catch {
      #expect(expected == nil, "\(error)")
      #expect([.duplicateKey, .matchesNothing].contains(error.kind))
    }
    #expect(Array(plan.apply().keys) == expected ?? Self.keys)
    #expect(
      plan.steps.first?.count == expected.map { _ in rule.apply(to: Self.keys).count { $0 != nil } }
    )
  }

  @Test func `are the same after many random steps as in a plain list`() throws {
    var generator = SplitMix64(seed: 11)
    for _ in 0..<60 {
      var keys = Self.keys
      var plan = SurgeryPlan(for: checkpoint(keys))
      for _ in 0..<12 {
        let choice = Int(generator.next() % UInt64(Self.rules.count + 4))
        switch choice {
        case ..<Self.rules.count:
          guard let rule = try? KeyRewrite(Self.rules[choice]) else { continue }
          let expected = renamed(keys, rule)
          let isDone = (try? plan.append(.rename(rule))) != nil
          #expect(isDone == (expected != nil), "\(rule)")
          keys = expected ?? keys
        case Self.rules.count:
          try plan.addPrefix("p.")
          keys = keys.map { Key("p." + $0.string) }
        case Self.rules.count + 1:
          let kept = keys.filter { !$0.string.utf8.starts(with: "layer.".utf8) && $0 != "layer" }
          let isDone = (try? plan.drop("layer")) != nil
          #expect(isDone == (kept.count < keys.count))
          keys = kept
        case Self.rules.count + 2:
          let rest = keys.map {
            $0.string.utf8.starts(with: "p.".utf8) ? Key(String($0.string.dropFirst(2))) : $0
          }
          let fits = rest != keys && Set(rest).count == rest.count
          let isDone = (try? plan.stripPrefix("p.")) != nil
          #expect(isDone == fits)
          if fits { keys = rest }
        default:
          let isNew = !keys.contains("new.w")
          let isDone = (try? plan.add("new.w", .float32, [1])) != nil
          #expect(isDone == isNew)
          if isNew { keys.append("new.w") }
        }
        #expect(Array(plan.apply().keys) == keys)
        if keys.isEmpty { break }
      }
    }
  }

  @Test func `are found by selectors after every step`() throws {
    var plan = SurgeryPlan(for: smallCheckpoint())
    try plan.rename("layer[{i}]", to: "h.{i+5}")
    try plan.drop("h[6].weight")
    try plan.arrangeLayers(of: "h", [.index(7), .index(5), .index(7)])
    try plan.scale("h[-1]", by: 2)
    try plan.copy("embed", to: "h.embed")
    #expect(
      Array(plan.apply().keys) == [
        "embed", "h.0.weight", "h.0.bias", "h.1.weight", "h.1.bias", "h.2.weight", "h.2.bias",
        "h.embed",
      ])
    #expect(try plan.apply()["h.2.weight"]?.floats()[0] == 40)
    #expect(try plan.apply()["h.0.weight"]?.floats()[0] == 20)
    #expect(plan.explanations.last?.keys == ["h.2.weight", "h.2.bias"])
    let error = #expect(throws: SurgeryError.self) { try plan.drop("h.3") }
    #expect(error?.kind == .matchesNothing && error?.selector == "h.3")
  }

  @Test func `are as they were after a step that fails in the middle`() throws {
    var plan = SurgeryPlan(for: smallCheckpoint())
    try plan.rename("layer", to: "h")
    let before = plan.apply()
    // The second new name exists, and the parts of the first tensors are made by then.
    #expect(throws: SurgeryError.self) {
      try plan.split("h.{i}.weight", into: ["x.{i}", "y", "z.{i}"])
    }
    #expect(throws: SurgeryError.self) { try plan.copy("h[{i}]", to: "h[{i+1}]") }
    #expect(throws: SurgeryError.self) {
      try plan.slice("h.0", ranges: [.range(0..<1), .range(0..<1)])
    }
    #expect(throws: SurgeryError.self) { try plan.apply(.gammaBeta) }
    #expect(plan.apply().keys == before.keys)
    for (key, tensor) in before.tensors {
      #expect(try plan.apply()[key]?.floats() == tensor.floats())
    }
    #expect(plan.steps.count == 1 && plan.notes.isEmpty)
  }

  @Test func `of layers are arranged and renamed as in a plain list`() throws {
    var generator = SplitMix64(seed: 7)
    func random(_ count: Int) -> Int { Int(generator.next() % UInt64(count)) }
    for _ in 0..<40 {
      var list: [(key: Key, value: Float)] = ["first", "h.x", "h.0.w", "h.1.w", "m", "h.0.b.c"].map
      {
        ($0, 0)
      }
      for layer in 2..<5 { list += [(Key("h.\(layer).w"), 0), (Key("h.\(layer).b.c"), 0)] }
      for index in list.indices { list[index].value = Float(index) }
      var plan = SurgeryPlan(for: checkpoint(list.map(\.key)))
      for step in 0..<8 {
        if random(3) == 0 {
          // The last component of every key below a layer.
          let (from, to) = (["w", "v"][random(2)], ["w", "v", "u\(step)"][random(3)])
          let matching = list.filter { $0.key.parts.last == Key(from) }
          guard !matching.isEmpty, from != to else { continue }
          try plan.rename("**.\(from)", to: "**.\(to)")
          list = list.map { item in
            let parts = item.key.parts
            return parts.last == Key(from)
              ? (Key(joining: parts.dropLast() + [Key(to)]), item.value) : item
          }
        } else {
          let existing = Set(
            list.compactMap { item in
              item.key.parts.first == "h" ? Int(item.key.parts[1].string) : nil
            }
          ).sorted()
          let chosen = (0..<1 + random(5)).map { _ in existing[random(existing.count)] }
          try plan.arrangeLayers(of: "h", chosen.map { .index($0) })
          func layer(_ key: Key) -> Int? {
            key.parts.first == "h" ? Int(key.parts[1].string) : nil
          }
          let place = list.prefix { layer($0.key) == nil }.count
          var others = list.filter { layer($0.key) == nil }
          let arranged = chosen.enumerated().flatMap { number, index in
            list.filter { layer($0.key) == index }.map { item in
              (
                Key(joining: [Key("h"), Key("\(number)")] + item.key.parts.dropFirst(2)), item.value
              )
            }
          }
          others.insert(contentsOf: arranged, at: place)
          list = others
        }
        let result = plan.apply()
        #expect(Array(result.keys) == list.map(\.key))
        for (key, value) in list { #expect(try result[key]?.floats() == [value]) }
      }
    }
  }

  @Test func `of many layers are renamed without looking at each key`() throws {
    // 200 steps that concern all of 20,000 tensors; by keys this would be four million matches.
    let keys = (0..<20_000).map { Key("model.layers.\($0 / 500).experts.\($0 % 500).up.weight") }
    var plan = SurgeryPlan(for: checkpoint(keys))
    var name = "model"
    for step in 0..<200 {
      try plan.rename(name, to: "m\(step)")
      name = "m\(step)"
    }
    #expect(plan.apply().keys.last == "m199.layers.39.experts.499.up.weight")
    #expect(plan.steps.map(\.count) == [Int](repeating: 20_000, count: 200))
  }

  @Test func `print as the lines of a diff`() throws {
    var plan = SurgeryPlan(for: smallCheckpoint())
    try plan.rename("embed", to: "words")
    try plan.drop("layer[1:]")
    try plan.cast("layer.0.bias", to: .bfloat16, rounding: .saturating)
    try plan.add("x", .float32, [2])
    #expect(
      "\(plan)" == """
        - layer.1.weight: F32 [3, 2]
        - layer.1.bias: F32 [3]
        - layer.2.weight: F32 [3, 2]
        - layer.2.bias: F32 [3]
        = embed => words: F32 [4, 2]
        ~ layer.0.bias: F32 [3] => BF16 [3]
        + x: F32 [2]
        1 unchanged
        """)
    #expect(
      plan.changes.flatMap(\.effects) == [
        .cast(from: .float32, to: .bfloat16, saturating: true), .initialised(.zeros),
      ])
  }
}

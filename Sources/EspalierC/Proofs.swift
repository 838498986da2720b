// swift-format-ignore-file: AlwaysUseLowerCamelCase, AllPublicDeclarationsHaveDocumentation
// Each function is declared, and described, in espalier.h; the compiler compares both.

public import CEspalier
internal import CheckpointFiles
internal import ParameterSurgery

/// What a comparison under a mask found, as C reads it.
@safe final class ProofResult: Sendable {
  private let arena = Arena()
  let proof: FrozenProof
  let violations: ArenaArray<espalier_violation>
  /// The lists of keys, in the order of `espalier_key_list`.
  let keys: [ArenaArray<espalier_text>]

  init(_ proof: FrozenProof) {
    let arena = arena
    self.proof = proof
    unsafe violations = ArenaArray(
      proof.violations.map { violation in
        var rows: [Range<Int>] = []
        let kind =
          switch violation.kind {
          case .missing: ESPALIER_MISSING
          case .dtype: ESPALIER_OTHER_DTYPE
          case .shape: ESPALIER_OTHER_SHAPE
          case .bytes: ESPALIER_OTHER_BYTES
          }
        if case .bytes(let changed) = violation.kind { rows = changed.ranges }
        return unsafe espalier_violation(
          kind: kind, key: arena.text(violation.key.string),
          message: arena.text(violation.description), rows: arena.ranges(rows),
          row_range_count: rows.count)
      }, in: arena)
    unsafe keys = unsafe [
      proof.changedKeys, proof.unchangedKeys, proof.unexpectedKeys, proof.alignedKeys,
      proof.addedKeys, proof.ignoredKeys,
    ].map { list in
      unsafe ArenaArray(list.map { unsafe arena.text($0.string) }, in: arena)
    }
  }
}

@c @implementation
public func espalier_verify(
  _ base: espalier_checkpoint, _ tuned: espalier_checkpoint, _ mask: espalier_mask,
  _ proof: UnsafeMutablePointer<espalier_proof>?
) -> espalier_status {
  answer {
    guard let proof = unsafe proof else { throw Misuse.null }
    let before = try Handles.object(base, as: OpenCheckpoint.self)
    let after = try Handles.object(tuned, as: OpenCheckpoint.self)
    let open = try Handles.object(mask, as: OpenMask.self)
    try before.checkElements()
    try after.checkElements()
    let result = try FrozenProof(
      base: before.checkpoint, tuned: after.checkpoint, mask: open.mask)
    unsafe proof.pointee = Handles.add(ProofResult(result))
  }
}

@c @implementation
public func espalier_proof_info(
  _ proof: espalier_proof, _ summary: UnsafeMutablePointer<espalier_proof_summary>?
) -> espalier_status {
  answer {
    guard let summary = unsafe summary else { throw Misuse.null }
    let proof = try Handles.object(proof, as: ProofResult.self).proof
    unsafe summary.pointee = espalier_proof_summary(
      holds: proof.holds ? 1 : 0, violation_count: proof.violations.count,
      proven_tensors: UInt64(proof.provenTensors), proven_rows: UInt64(proof.provenRows),
      proven_bytes: UInt64(proof.provenBytes), changed_count: proof.changedKeys.count,
      unchanged_count: proof.unchangedKeys.count)
  }
}

@c @implementation
public func espalier_proof_violations(
  _ proof: espalier_proof, _ violations: UnsafeMutablePointer<UnsafePointer<espalier_violation>?>?,
  _ count: UnsafeMutablePointer<Int>?
) -> espalier_status {
  answer {
    try unsafe Handles.object(proof, as: ProofResult.self).violations.give(violations, count)
  }
}

@c @implementation
public func espalier_proof_keys(
  _ proof: espalier_proof, _ list: espalier_key_list,
  _ keys: UnsafeMutablePointer<UnsafePointer<espalier_text>?>?, _ count: UnsafeMutablePointer<Int>?
) -> espalier_status {
  answer {
    let lists = unsafe try Handles.object(proof, as: ProofResult.self).keys
    guard unsafe list.rawValue < lists.count else {
      throw Misuse.argument("there is no list of keys \(list.rawValue)")
    }
    try unsafe lists[Int(list.rawValue)].give(keys, count)
  }
}

// swift-format-ignore-file: AlwaysUseLowerCamelCase, AllPublicDeclarationsHaveDocumentation
// Each function is declared, and described, in espalier.h; the compiler compares both.

public import CEspalier
internal import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

/// A mask that C holds a handle of.
@safe final class OpenMask: Sendable {
  private let arena = Arena()
  let mask: FreezeMask
  let entries: ArenaArray<espalier_mask_entry>
  let warnings: ArenaArray<espalier_warning>
  let text: Shared<espalier_text>

  init(_ mask: FreezeMask, warnings: [FreezeMask.Warning] = []) {
    let arena = arena
    self.mask = mask
    unsafe entries = ArenaArray(
      mask.states.map { key, state in
        let key = unsafe arena.text(key.string)
        return switch state {
        case .frozen:
          unsafe espalier_mask_entry(
            key: key, state: ESPALIER_FROZEN, rows: nil, row_range_count: 0)
        case .trainable:
          unsafe espalier_mask_entry(
            key: key, state: ESPALIER_TRAINABLE, rows: nil, row_range_count: 0)
        case .rows(let rows):
          unsafe espalier_mask_entry(
            key: key, state: ESPALIER_ROWS, rows: arena.ranges(rows.ranges),
            row_range_count: rows.ranges.count)
        }
      }, in: arena)
    unsafe self.warnings = ArenaArray(
      warnings.map { warning in
        let (kind, key, other) =
          switch warning {
          case .frozenSibling(let trainable, let frozen):
            (ESPALIER_FROZEN_SIBLING, trainable.string, frozen.string)
          case .splitTie(let trainable, let frozen):
            (ESPALIER_SPLIT_TIE, trainable.string, frozen.string)
          case .cannotTrain(let key, _): (ESPALIER_CANNOT_TRAIN, key.string, "")
          }
        return unsafe espalier_warning(
          kind: kind, key: arena.text(key), other: arena.text(other),
          message: arena.text(warning.description))
      }, in: arena)
    unsafe text = Shared(arena.text(mask.jsonText), in: arena)
  }
}

@c @implementation
public func espalier_mask_create(
  _ checkpoint: espalier_checkpoint, _ rules: UnsafePointer<espalier_rule>?, _ count: Int,
  _ mask: UnsafeMutablePointer<espalier_mask>?
) -> espalier_status {
  answer {
    guard let mask = unsafe mask else { throw Misuse.null }
    let tree = try Handles.object(checkpoint, as: OpenCheckpoint.self).tree
    guard count >= 0 else { throw Misuse.argument("the number of rules is too large") }
    var requests: [FreezeMask.Request] = []
    for index in 0..<count {
      guard let rules = unsafe rules else { throw Misuse.null }
      let selector = try Selector(try unsafe text(rules[index].selector, "a selector"))
      switch unsafe rules[index].kind {
      case ESPALIER_TRAIN: requests.append(.train(selector))
      case ESPALIER_FREEZE: requests.append(.freeze(selector))
      default: throw Misuse.argument("the kind of rule \(index) is neither train nor freeze")
      }
    }
    let made = try FreezeMask.resolving(requests, in: tree)
    unsafe mask.pointee = Handles.add(OpenMask(made, warnings: made.warnings(in: tree)))
  }
}

@c @implementation
public func espalier_mask_read(
  _ path: UnsafePointer<CChar>?, _ mask: UnsafeMutablePointer<espalier_mask>?
) -> espalier_status {
  answer {
    guard let mask = unsafe mask else { throw Misuse.null }
    let read = try FreezeMask(path: try unsafe text(path, "the path"))
    unsafe mask.pointee = Handles.add(OpenMask(read))
  }
}

@c @implementation
public func espalier_mask_parse(
  _ bytes: UnsafeRawPointer?, _ size: Int, _ mask: UnsafeMutablePointer<espalier_mask>?
) -> espalier_status {
  answer {
    guard let mask = unsafe mask, let bytes = unsafe bytes else { throw Misuse.null }
    guard size >= 0 else { throw Misuse.argument("the size is too large") }
    let text = unsafe [UInt8](UnsafeRawBufferPointer(start: bytes, count: size))
    unsafe mask.pointee = Handles.add(OpenMask(try FreezeMask(json: text)))
  }
}

@c @implementation
public func espalier_mask_write(
  _ mask: espalier_mask, _ path: UnsafePointer<CChar>?
) -> espalier_status {
  answer {
    let open = try Handles.object(mask, as: OpenMask.self)
    try open.mask.write(to: try unsafe text(path, "the path"))
  }
}

@c @implementation
public func espalier_mask_text(
  _ mask: espalier_mask, _ text: UnsafeMutablePointer<espalier_text>?
) -> espalier_status {
  answer {
    guard let text = unsafe text else { throw Misuse.null }
    unsafe text.pointee = unsafe try Handles.object(mask, as: OpenMask.self).text.value
  }
}

@c @implementation
public func espalier_mask_entries(
  _ mask: espalier_mask, _ entries: UnsafeMutablePointer<UnsafePointer<espalier_mask_entry>?>?,
  _ count: UnsafeMutablePointer<Int>?
) -> espalier_status {
  answer { try unsafe Handles.object(mask, as: OpenMask.self).entries.give(entries, count) }
}

@c @implementation
public func espalier_mask_find(
  _ mask: espalier_mask, _ key: UnsafePointer<CChar>?, _ key_size: Int,
  _ entry: UnsafeMutablePointer<espalier_mask_entry>?
) -> espalier_status {
  answer {
    guard let entry = unsafe entry else { throw Misuse.null }
    let open = try Handles.object(mask, as: OpenMask.self)
    let name = try unsafe text(key, size: key_size, "the key")
    guard let index = open.mask.states.keys.firstIndex(of: Key(name)),
      let found = unsafe open.entries[index]
    else { throw Misuse.noSuchKey(name, in: "the mask") }
    unsafe entry.pointee = unsafe found
  }
}

@c @implementation
public func espalier_mask_warnings(
  _ mask: espalier_mask, _ warnings: UnsafeMutablePointer<UnsafePointer<espalier_warning>?>?,
  _ count: UnsafeMutablePointer<Int>?
) -> espalier_status {
  answer { try unsafe Handles.object(mask, as: OpenMask.self).warnings.give(warnings, count) }
}

@c @implementation
public func espalier_mask_check(
  _ mask: espalier_mask, _ checkpoint: espalier_checkpoint
) -> espalier_status {
  answer {
    let open = try Handles.object(mask, as: OpenMask.self)
    let opened = try Handles.object(checkpoint, as: OpenCheckpoint.self)
    do throws(SurgeryError) {
      let name = opened.isDescribed ? "" : opened.checkpoint.path
      try open.mask.check(fits: opened.tree, named: name)
    } catch {
      throw DoesNotFit(reason: error)
    }
  }
}

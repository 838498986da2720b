// swift-format-ignore-file: AlwaysUseLowerCamelCase, AllPublicDeclarationsHaveDocumentation
// Each function is declared, and described, in espalier.h; the compiler compares both.

public import CEspalier
internal import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

@c @implementation
public func espalier_version() -> UnsafePointer<CChar>? { unsafe Version.pointer }

@c @implementation
public func espalier_abi_version() -> Int32 { ESPALIER_ABI_VERSION }

@c @implementation
public func espalier_last_error() -> UnsafePointer<espalier_error>? {
  unsafe LastError.current.pointer
}

@c @implementation
public func espalier_close(_ handle: espalier_handle) -> espalier_status {
  answer { try Handles.close(handle) }
}

@c @implementation
public func espalier_open(
  _ path: UnsafePointer<CChar>?, _ checkpoint: UnsafeMutablePointer<espalier_checkpoint>?
) -> espalier_status {
  answer {
    guard let checkpoint = unsafe checkpoint else { throw Misuse.null }
    let name = try unsafe text(path, "the path")
    let opened = OpenCheckpoint(try Checkpoint.open(HuggingFaceCache.path(of: name)))
    unsafe checkpoint.pointee = Handles.add(opened)
  }
}

@c @implementation
public func espalier_open_over(
  _ path: UnsafePointer<CChar>?, _ base: espalier_checkpoint,
  _ checkpoint: UnsafeMutablePointer<espalier_checkpoint>?
) -> espalier_status {
  answer {
    guard let checkpoint = unsafe checkpoint else { throw Misuse.null }
    let name = try unsafe text(path, "the path")
    let below = try Handles.object(base, as: OpenCheckpoint.self)
    try below.checkElements()
    let opened = OpenCheckpoint(
      try Checkpoint.open(HuggingFaceCache.path(of: name), over: below.checkpoint))
    unsafe checkpoint.pointee = Handles.add(opened)
  }
}

@c @implementation
public func espalier_describe(
  _ descriptions: UnsafePointer<espalier_description>?, _ count: Int,
  _ checkpoint: UnsafeMutablePointer<espalier_checkpoint>?
) -> espalier_status {
  answer {
    guard let checkpoint = unsafe checkpoint else { throw Misuse.null }
    let described = try unsafe Description.checkpoint(of: descriptions, count)
    unsafe checkpoint.pointee = Handles.add(OpenCheckpoint(described, isDescribed: true))
  }
}

@c @implementation
public func espalier_info(
  _ checkpoint: espalier_checkpoint, _ info: UnsafeMutablePointer<espalier_checkpoint_info>?
) -> espalier_status {
  answer {
    guard let info = unsafe info else { throw Misuse.null }
    unsafe info.pointee =
      unsafe try Handles.object(checkpoint, as: OpenCheckpoint.self).table.info.value
  }
}

@c @implementation
public func espalier_tensors(
  _ checkpoint: espalier_checkpoint,
  _ tensors: UnsafeMutablePointer<UnsafePointer<espalier_tensor>?>?,
  _ count: UnsafeMutablePointer<Int>?
) -> espalier_status {
  answer {
    let opened = try Handles.object(checkpoint, as: OpenCheckpoint.self)
    try unsafe opened.table.tensors.give(tensors, count)
  }
}

@c @implementation
public func espalier_tensor_at(
  _ checkpoint: espalier_checkpoint, _ index: Int, _ tensor: UnsafeMutablePointer<espalier_tensor>?
) -> espalier_status {
  answer {
    guard let tensor = unsafe tensor else { throw Misuse.null }
    let tensors = unsafe try Handles.object(checkpoint, as: OpenCheckpoint.self).table.tensors
    guard let found = unsafe tensors[index] else {
      throw unsafe Misuse.index(index, of: tensors.count)
    }
    unsafe tensor.pointee = unsafe found
  }
}

@c @implementation
public func espalier_find(
  _ checkpoint: espalier_checkpoint, _ key: UnsafePointer<CChar>?, _ key_size: Int,
  _ index: UnsafeMutablePointer<Int>?
) -> espalier_status {
  answer {
    guard let index = unsafe index else { throw Misuse.null }
    let opened = try Handles.object(checkpoint, as: OpenCheckpoint.self)
    let name = try unsafe text(key, size: key_size, "the key")
    guard let found = opened.checkpoint.keys.firstIndex(of: Key(name)) else {
      throw Misuse.noSuchKey(name, in: "the checkpoint")
    }
    unsafe index.pointee = found
  }
}

@c @implementation
public func espalier_metadata(
  _ checkpoint: espalier_checkpoint,
  _ entries: UnsafeMutablePointer<UnsafePointer<espalier_pair>?>?,
  _ count: UnsafeMutablePointer<Int>?
) -> espalier_status {
  answer {
    let opened = try Handles.object(checkpoint, as: OpenCheckpoint.self)
    try unsafe opened.table.metadata.give(entries, count)
  }
}

@c @implementation
public func espalier_unsupported(
  _ checkpoint: espalier_checkpoint,
  _ entries: UnsafeMutablePointer<UnsafePointer<espalier_pair>?>?,
  _ count: UnsafeMutablePointer<Int>?
) -> espalier_status {
  answer {
    let opened = try Handles.object(checkpoint, as: OpenCheckpoint.self)
    try unsafe opened.table.unsupported.give(entries, count)
  }
}

@c @implementation
public func espalier_view_at(
  _ checkpoint: espalier_checkpoint, _ index: Int, _ view: UnsafeMutablePointer<espalier_view>?
) -> espalier_status {
  answer {
    guard let view = unsafe view else { throw Misuse.null }
    let opened = try Handles.object(checkpoint, as: OpenCheckpoint.self)
    let (key, tensor) = try opened.tensor(at: index)
    let found = try unsafe tensor.withBytesInPlace { bytes in
      unsafe espalier_view(data: bytes.baseAddress, size: UInt64(bytes.count))
    }
    guard let found = unsafe found else { throw Misuse.noView(key) }
    unsafe view.pointee = unsafe found
  }
}

@c @implementation
public func espalier_read(
  _ checkpoint: espalier_checkpoint, _ index: Int, _ buffer: UnsafeMutableRawPointer?, _ size: Int
) -> espalier_status {
  answer {
    let opened = try Handles.object(checkpoint, as: OpenCheckpoint.self)
    let (key, tensor) = try opened.tensor(at: index)
    // A size of the upper half of its range is negative here.
    guard size < 0 || size >= tensor.byteCount else {
      throw Misuse.buffer(size, for: tensor.byteCount, key: key)
    }
    if tensor.byteCount == 0 { return }
    guard let buffer = unsafe buffer else { throw Misuse.null }
    try unsafe tensor.read(
      into: UnsafeMutableRawBufferPointer(start: buffer, count: tensor.byteCount))
  }
}

@c @implementation
public func espalier_check_elements(
  _ checkpoint: espalier_checkpoint, _ index: Int
) -> espalier_status {
  answer {
    let opened = try Handles.object(checkpoint, as: OpenCheckpoint.self)
    try opened.tensor(at: index).tensor.checkElements()
  }
}

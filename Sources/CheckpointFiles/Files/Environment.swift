#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The variables of the process.
package enum Environment {
  /// The value of `name`; `nil` when it is not set, or empty.
  package static subscript(name: String) -> String? {
    unsafe getenv(name).map { unsafe String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// Where files without a name go: `TMPDIR`, or `/var/tmp`, which is a disk where `/tmp` may be memory.
  package static var temporaryFolder: String { self["TMPDIR"] ?? "/var/tmp" }
}

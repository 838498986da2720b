internal import CEspalierKernels

/// What computes matrix products.
package enum Backend: Sendable, Hashable, CaseIterable {
  /// The C kernels of this package.
  case portable

  /// Those that this build and this machine have.
  package static var available: [Backend] { [.portable] }

  /// The fastest of them on this processor.
  package static var preferred: Backend { .portable }

  /// What `--version` prints, such as `portable (avx2)`.
  package var name: String { "portable (\(CPU.instructionSet))" }
}

/// What the processor offers.
package enum CPU {
  /// The instruction set that the C kernels chose: `avx512`, `avx2`, `neon` or `baseline`.
  package static var instructionSet: String { unsafe String(cString: espalier_instruction_set()) }

  /// Whether it multiplies bfloat16 natively.
  package static var hasNativeBFloat16: Bool { espalier_has_native_bf16() != 0 }

  /// Physical cores that this process may use.
  package static var physicalCores: Int { espalier_physical_cores() }
}

internal import CEspalierKernels

/// What the processor offers to the kernels.
package struct CPUFeatures: Sendable, Hashable {
  /// The instruction set that the C kernels chose: `AVX-512`, `AVX2`, `NEON` or `baseline`.
  package let name: String
  /// Whether bfloat16 is multiplied natively (AVX512-BF16): without, it is slower than f32.
  package let hasNativeBFloat16: Bool
  /// Whether it can compute the same numbers without, slowly.
  package let emulatesBFloat16: Bool
  /// Physical cores that this process may use.
  package let physicalCores: Int

  /// Those of this machine.
  package static var current: CPUFeatures {
    let name =
      switch unsafe String(cString: espalier_instruction_set()) {
      case "avx512": "AVX-512"
      case "avx2": "AVX2"
      case "neon": "NEON"
      case let other: other
      }
    return CPUFeatures(
      name: name, hasNativeBFloat16: espalier_has_native_bf16() != 0,
      emulatesBFloat16: espalier_can_emulate_bf16() != 0,
      physicalCores: espalier_physical_cores())
  }

  /// Why `--precision bf16` is not used here; `nil` where it pays.
  package var bFloat16Refusal: String? {
    hasNativeBFloat16
      ? nil : "this processor (\(name)) has no native bfloat16, with which bf16 would pay"
  }
}

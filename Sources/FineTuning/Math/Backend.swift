internal import CEspalierKernels

/// What computes matrix products.
package enum Backend: Sendable, Hashable, CaseIterable {
  /// The C kernels of this package.
  case portable
  /// oneDNN, in builds with the trait `OneDNN`.
  case oneDNN

  /// Those that this build and this machine have.
  package static var available: [Backend] {
    #if OneDNN
      OneDNN.obeysCaller ? [.portable, .oneDNN] : [.portable]
    #else
      [.portable]
    #endif
  }

  /// The fastest of them on this processor: oneDNN where it has kernels that take packed weights
  /// (AVX-512 and newer), the portable kernels elsewhere, which are as fast as oneDNN's others.
  package static var preferred: Backend {
    #if OneDNN
      OneDNN.obeysCaller && OneDNN(threads: 1)?.packs == true ? .oneDNN : .portable
    #else
      .portable
    #endif
  }

  /// Whether this build has oneDNN in it.
  package static var isOneDNNBuiltIn: Bool {
    #if OneDNN
      true
    #else
      false
    #endif
  }

  /// Why ``preferred`` is what it is, in a sentence.
  package static var reason: String {
    guard isOneDNNBuiltIn else { return "this build has no oneDNN" }
    if preferred == .oneDNN {
      return "oneDNN has kernels for this processor that take packed weights"
    }
    return available.contains(.oneDNN)
      ? "oneDNN is built in, but on this processor it would not be faster"
      : "oneDNN is built in, but its thread runtime cannot be held to one thread"
  }

  /// What `--version` prints, such as `portable C, AVX2` or `oneDNN 2.6.3, AVX-512`.
  package var name: String {
    switch self {
    case .portable: "portable C, \(CPUFeatures.current.name)"
    case .oneDNN:
      #if OneDNN
        "oneDNN \(OneDNN.version), \(CPUFeatures.current.name)"
      #else
        "oneDNN, not in this build"
      #endif
    }
  }

  /// A sentence about the backends of this build: which is in use, and why.
  package static var summary: String {
    #if OneDNN
      let preferred = Backend.preferred
      if preferred == .portable {
        return preferred.name
          + " (oneDNN \(OneDNN.version) is built in; on this processor it would not be faster)"
      }
      return preferred.name
    #else
      return Backend.portable.name
    #endif
  }
}

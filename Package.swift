// swift-tools-version: 6.2
import PackageDescription

/// Settings shared by every Swift target.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  // Every use of unsafe memory says `unsafe`, so that the rooms that may hold it can be checked by grep.
  .strictMemorySafety(),
  .enableUpcomingFeature("ExistentialAny"),
  // A dependency appears in our public interface only when a file says `public import`.
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  // Byte cursors are non-escapable: a reader cannot outlive the mapping that it reads.
  .enableExperimentalFeature("Lifetimes"),
]

/// The kernels are hot loops: they are optimised in debug builds too, or the tests would crawl.
let kernelSettings: [CSetting] = [
  .unsafeFlags(["-O3", "-fno-math-errno"])
]

let package = Package(
  name: "espalier",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "CheckpointFiles", targets: ["CheckpointFiles"]),
    .library(name: "ParameterSurgery", targets: ["ParameterSurgery"]),
    .library(name: "FineTuning", targets: ["FineTuning"]),
    .library(name: "EspalierC", type: .dynamic, targets: ["EspalierC"]),
    .executable(name: "espalier", targets: ["espalier"]),
  ],
  traits: [
    .trait(
      name: "OneDNN",
      description: "Matrix products by oneDNN (libdnnl-dev, onednn), for processors with AVX-512."
    ),
    .default(enabledTraits: []),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-numerics", from: "1.1.1"),
  ],
  targets: [
    // Ground floor: C kernels and system libraries.
    .target(name: "CEspalierKernels", cSettings: kernelSettings),
    .systemLibrary(
      name: "CEspalierZlib", pkgConfig: "zlib",
      providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .systemLibrary(
      name: "CEspalierOneDNN",
      providers: [.apt(["libdnnl-dev"]), .brew(["onednn"])]),

    // Read and write files.
    .target(
      name: "CheckpointFiles",
      dependencies: [
        "CEspalierKernels", "CEspalierZlib",
        .product(name: "OrderedCollections", package: "swift-collections"),
      ],
      swiftSettings: strict),

    // Select, compare, edit, mask.
    .target(
      name: "ParameterSurgery",
      dependencies: [
        "CheckpointFiles", "CEspalierKernels",
        .product(name: "OrderedCollections", package: "swift-collections"),
      ],
      swiftSettings: strict),

    // Train what the mask selects.
    .target(
      name: "FineTuning",
      dependencies: [
        "CheckpointFiles", "ParameterSurgery", "CEspalierKernels",
        .target(name: "CEspalierOneDNN", condition: .when(traits: ["OneDNN"])),
        .product(name: "OrderedCollections", package: "swift-collections"),
        .product(name: "RealModule", package: "swift-numerics"),
      ],
      swiftSettings: strict),

    // The C interface: the header, and what implements it.
    .systemLibrary(name: "CEspalier"),
    .target(
      name: "EspalierC",
      dependencies: [
        "CEspalier", "CheckpointFiles", "ParameterSurgery",
        .product(name: "OrderedCollections", package: "swift-collections"),
      ],
      swiftSettings: strict),

    // The command line: a library, so that rendering, advice and reports have unit tests.
    .target(
      name: "EspalierCommands",
      dependencies: [
        "CheckpointFiles", "ParameterSurgery", "FineTuning",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "OrderedCollections", package: "swift-collections"),
      ],
      // `espalier help TOPIC` prints these; each is a link to a document.
      resources: ["json", "masks", "recipes", "selectors", "training"].map {
        .embedInCode("Help/Topics/\($0).md")
      },
      swiftSettings: strict),
    .executableTarget(
      name: "espalier", dependencies: ["EspalierCommands"], swiftSettings: strict),

    .target(
      name: "EspalierTestSupport",
      dependencies: [
        "CheckpointFiles",
        .product(name: "OrderedCollections", package: "swift-collections"),
      ],
      path: "Tests/EspalierTestSupport",
      swiftSettings: strict),
    .testTarget(
      name: "CheckpointFilesTests",
      dependencies: [
        "CheckpointFiles", "EspalierTestSupport",
        .product(name: "OrderedCollections", package: "swift-collections"),
      ],
      swiftSettings: strict),
    .testTarget(
      name: "ParameterSurgeryTests",
      dependencies: [
        "ParameterSurgery", "EspalierTestSupport",
        .product(name: "OrderedCollections", package: "swift-collections"),
      ],
      swiftSettings: strict),
    .testTarget(
      name: "FineTuningTests",
      dependencies: [
        "FineTuning", "EspalierTestSupport",
        .product(name: "OrderedCollections", package: "swift-collections"),
      ],
      swiftSettings: strict),
    // These call C: everything in them is unsafe memory, and marks would tell nothing.
    .testTarget(
      name: "EspalierCTests",
      dependencies: ["CEspalier", "EspalierC", "EspalierTestSupport"],
      swiftSettings: [
        .swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
      ]),
    .testTarget(
      name: "EspalierCommandsTests",
      dependencies: [
        "EspalierCommands", "espalier", "EspalierTestSupport", "CheckpointFiles",
        "ParameterSurgery", "FineTuning",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
  ],
  cLanguageStandard: .gnu17
)

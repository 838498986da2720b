// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that no user of Espalier builds it. scripts/fuzz builds and runs it with
// libFuzzer, which needs every module instrumented.
let package = Package(
  name: "fuzzing",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "espalier", path: "..")],
  targets: [
    .target(name: "FuzzSupport", swiftSettings: [.swiftLanguageMode(.v6)]),
    .executableTarget(
      name: "fuzz",
      dependencies: ["FuzzSupport", .product(name: "CheckpointFiles", package: "espalier")],
      swiftSettings: [.swiftLanguageMode(.v6)]),
    .executableTarget(
      name: "fuzz-texts",
      dependencies: [
        "FuzzSupport", .product(name: "CheckpointFiles", package: "espalier"),
        .product(name: "ParameterSurgery", package: "espalier"),
        .product(name: "FineTuning", package: "espalier"),
      ],
      swiftSettings: [.swiftLanguageMode(.v6)]),
  ]
)

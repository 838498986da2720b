// swift-tools-version: 6.2
import PackageDescription

// Depends on CheckpointFiles alone: neither training nor the command line is built.
let package = Package(
  name: "list-tensors",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "espalier", path: "../..")],
  targets: [
    .executableTarget(
      name: "list-tensors",
      dependencies: [.product(name: "CheckpointFiles", package: "espalier")])
  ]
)

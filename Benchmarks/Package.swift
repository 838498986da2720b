// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that no user of the libraries builds it:
//
//     swift run -c release --package-path Benchmarks [--traits OneDNN] KernelBenchmark

/// SwiftPM calls a package by its folder: the name under which the kernels are of package access.
let espalier = (Context.packageDirectory.split(separator: "/").dropLast().last ?? "").lowercased()

let package = Package(
  name: "espalier-benchmarks",
  platforms: [.macOS(.v15)],
  traits: [
    .trait(name: "OneDNN", description: "Measure the products of oneDNN too."),
    .default(enabledTraits: []),
  ],
  dependencies: [
    .package(
      name: "espalier", path: "..",
      traits: [.trait(name: "OneDNN", condition: .when(traits: ["OneDNN"]))])
  ],
  targets: [
    .executableTarget(
      name: "KernelBenchmark",
      dependencies: [.product(name: "FineTuning", package: "espalier")],
      path: "Kernels",
      packageAccess: false,
      swiftSettings: [
        .swiftLanguageMode(.v6),
        .strictMemorySafety(),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        // The kernels are of package access, and this is a part of that package which lies apart.
        .unsafeFlags(["-package-name", espalier]),
      ])
  ]
)

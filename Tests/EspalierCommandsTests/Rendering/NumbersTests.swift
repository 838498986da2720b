import CheckpointFiles
import Foundation
import Testing

@testable import EspalierCommands

@Suite struct `Numbers for a reader` {
  @Test(arguments: [
    (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB"),
    (438_000_000, "438.0 MB"), (Int.max, "9.2 EB"),
  ])
  func `of bytes are in powers of 1000`(_ count: Int, _ text: String) {
    #expect(byteText(count) == text)
  }

  @Test(arguments: [
    (0, "0"), (9_999, "9,999"), (10_000, "10.0 k"), (22_713_216, "22.7 M"),
    (999_950_000, "1.0 G"),
  ])
  func `of things are grouped, then shortened`(_ count: Int, _ text: String) {
    #expect(countText(count) == text)
  }

  @Test func `have four significant digits, as printf writes them`() {
    let values = [
      0.0412, 1.53e-05, 1, 0, 123456, 1e6, 99999, 0.00012346, 9.9999e-5, 3.14159, 1e300, 1e-300,
      12.5, 0.1, 2, 1000, 99.995, 999.95,
    ]
    for value in values {
      #expect(significant(value) == printf(value), "\(value)")
      #expect(significant(-value) == printf(-value) || value == 0, "\(-value)")
    }
    #expect(significant(.nan) == "nan")
    #expect(significant(.infinity) == "inf")
    #expect(significant(-.infinity) == "-inf")
    #expect(significant(0.9999996, digits: 6) == "1")
  }

  /// What C prints for a value, but for the exponent at which it changes to powers of ten.
  private func printf(_ value: Double) -> String {
    let magnitude = abs(value)
    if magnitude >= 1e4, magnitude < 1e6 {
      return String(format: "%.0f", locale: nil, rounded(value))
    }
    return String(format: "%.4g", locale: nil, value)
  }

  /// `value` with four significant digits.
  private func rounded(_ value: Double) -> Double {
    Double(String(format: "%.3e", locale: nil, value)) ?? .nan
  }

  @Test func `of one thing are singular`() {
    #expect(Text.counted(1, "tensor") == "1 tensor")
    #expect(Text.counted(0, "tensor") == "0 tensors")
    #expect(Text.counted(12_345, "row") == "12,345 rows")
  }

  @Test(arguments: [
    (0.0, "0:00"), (42.4, "0:42"), (59.6, "1:00"), (3599, "59:59"), (3723, "1:02:03"),
    (Double.infinity, "--:--"), (.nan, "--:--"), (-1, "--:--"), (1e9, "--:--"),
  ])
  func `of seconds are durations`(_ seconds: Double, _ text: String) {
    #expect(Text.duration(seconds) == text)
  }

  @Test(arguments: [
    ("500MB", 500_000_000), ("2GB", 2_000_000_000), ("1GiB", 1 << 30), ("1048576", 1 << 20),
    ("7b", 7), ("3KiB", 3072),
  ])
  func `of bytes are read with their units`(_ text: String, _ bytes: Int) {
    #expect(ByteSize(argument: text)?.bytes == bytes)
  }

  @Test(arguments: ["", "0", "-1", "GB", "1.5GB", "1 GB", "99999999999TB", "1PB", "٣MB"])
  func `of bytes that cannot be read are refused`(_ text: String) {
    #expect(ByteSize(argument: text)?.bytes == nil)
  }
}

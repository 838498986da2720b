import CheckpointFiles
import ParameterSurgery
import Testing

@Suite struct `Numbers for people` {
  @Test(arguments: [
    (0, "0"), (999, "999"), (1000, "1,000"), (-1000, "-1,000"), (-100, "-100"),
    (1_234_567, "1,234,567"), (Int.min, "-9,223,372,036,854,775,808"),
  ])
  func `have a comma every three digits`(_ count: Int, _ text: String) {
    #expect(grouped(count) == text)
  }

  @Test(arguments: [
    (0.0, "0.0 %"), (1.0, "100.0 %"), (0.125, "12.5 %"), (0.0004, "0.04 %"), (0.00099, "0.10 %"),
    (0.001, "0.1 %"), (0.9994, "99.9 %"), (0.9998, "99.98 %"), (-0.5, "-50.0 %"),
    (.nan, "-"), (.infinity, "-"),
  ])
  func `are shares of a hundred`(_ fraction: Double, _ text: String) {
    #expect(percentText(fraction) == text)
  }

  @Test func `are never all or nothing for less than that`() {
    #expect(percentText(1, of: 109_482_240) == "<0.01 %")
    #expect(percentText(109_482_239, of: 109_482_240) == ">99.99 %")
    #expect(percentText(0, of: 0) == "0.0 %")
    var fraction = 1.0
    while fraction > 1e-12 {
      #expect(!["0.0 %", "0.00 %"].contains(percentText(fraction)), "\(fraction)")
      #expect(!["100.0 %", "100.00 %"].contains(percentText(1 - fraction * 0.999)), "\(fraction)")
      fraction *= 0.997
    }
  }

  @Test(arguments: [
    (1.005, 2, "1.00"), (2.5, 0, "3"), (-0.001, 2, "0.00"), (-1.25, 1, "-1.3"),
    (1e13, 2, "10000000000000.0"),
  ])
  func `have exactly as many digits as asked for`(_ value: Double, _ digits: Int, _ text: String) {
    #expect(fixed(value, digits: digits) == text)
  }
}

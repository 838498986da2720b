public typealias Arguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
public typealias FuzzBody = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<Arguments>,
  _ body: FuzzBody
) -> CInt

/// Hands `body` to libFuzzer. SwiftPM starts an executable at `<target>_main`, so libFuzzer's own `main` is not
/// linked.
public func runFuzzer(_ count: CInt, _ arguments: Arguments, _ body: FuzzBody) -> CInt {
  var count = count
  var arguments = arguments
  return runDriver(&count, &arguments, body)
}

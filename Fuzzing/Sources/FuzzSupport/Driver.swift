/// What `main` gets.
package typealias Arguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
/// Takes an input of so many bytes; 0 keeps it for the corpus, -1 does not.
package typealias FuzzBody = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<Arguments>,
  _ body: FuzzBody
) -> CInt

/// Hands `body` to libFuzzer. SwiftPM starts an executable at `<target>_main`, so libFuzzer's own `main` is not
/// linked.
package func runFuzzer(_ count: CInt, _ arguments: Arguments, _ body: FuzzBody) -> CInt {
  var count = count
  var arguments = arguments
  return runDriver(&count, &arguments, body)
}

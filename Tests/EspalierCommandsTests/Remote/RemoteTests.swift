import Testing

/// Servers that never end, which a program with the name of curl stands for.
@Suite struct `A server without an end` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.makeFolder("bin")
  }

  /// What `espalier ls` of an address says when curl is the shell script `script`.
  private func list(_ script: String, options: String = "") throws -> Tool.Result {
    try folder.write(Array("#!/bin/sh\n\(script)\n".utf8), to: "bin/curl")
    return try Tool.shell(
      "chmod +x bin/curl; PATH=\"$PWD/bin:$PATH\" espalier ls https://host.test/m.safetensors \(options)",
      in: folder)
  }

  private func refusal(_ script: String, options: String = "") throws -> String {
    let result = try list(script, options: options)
    #expect(result.status == 2)
    #expect(result.output == "")
    #expect(result.errors.split(separator: "\n").count == 1)
    return result.errors
  }

  @Test func `that sends a byte now and then is given up after the timeout`() throws {
    for head in ["", #"printf 'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n'; "#] {
      let errors = try refusal(
        head + "while :; do printf ' '; sleep 0.05; done", options: "--timeout 1")
      #expect(
        errors
          == "espalier: error: https://host.test/m.safetensors: the server did not answer completely in time "
          + "(timed out); pass --timeout to wait longer\n")
    }
  }

  @Test func `that sends nothing is given up, and its program is ended`() throws {
    let errors = try refusal("echo $$ > pid; exec sleep 600", options: "--timeout 1")
    #expect(errors.contains("timed out"))
    let alive = try Tool.shell("kill -0 $(cat pid) 2> /dev/null && echo alive", in: folder)
    #expect(alive.output == "")
  }

  @Test func `that redirects in a circle is left after eight addresses`() throws {
    let errors = try refusal(
      #"echo >> calls; printf 'HTTP/1.1 302 Found\r\nLocation: /m.safetensors\r\n\r\n'"#)
    #expect(errors.hasSuffix("the server redirects more than 8 times\n"))
    #expect(try folder.text("calls") == String(repeating: "\n", count: 9))
  }

  @Test func `of headers is left`() throws {
    let errors = try refusal(
      #"printf 'HTTP/1.1 200 OK\r\n'; while :; do printf 'X-Filler: %01000d\r\n' 0; done"#)
    #expect(errors.hasSuffix("the headers of the answer do not end\n"))
  }

  @Test func `is not waited for once the header is complete`() throws {
    try folder.write(Fixture.safetensors(Fixture.story), to: "m.safetensors")
    let result = try list(
      #"""
      printf 'HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n' $(wc -c < m.safetensors)
      cat m.safetensors
      exec sleep 600
      """#, options: "linear --json --expect 4")
    // The header is less than what is read at first: nothing more is needed.
    #expect(result.status == 0, "\(result.errors)")
    #expect((try result.object()["tensors"] as? [Any])?.count == 4)
  }

  @Test(arguments: ["0", "-1", "86401", "9223372036854775807"])
  func `is not waited for longer than a day`(_ seconds: String) throws {
    let result = try list("exit 1", options: "--timeout=\(seconds)")
    #expect(result.status == 64)
    #expect(
      result.errors.hasPrefix(
        "espalier: error: --timeout takes a number of seconds from 1 to 86,400\n"))
  }
}

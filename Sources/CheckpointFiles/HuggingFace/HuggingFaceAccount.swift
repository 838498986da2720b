/// The account at the Hugging Face Hub that this user is logged in to, as huggingface_hub finds it.
package enum HuggingFaceAccount {
  /// A token and where it was found.
  package struct Token: Sendable {
    /// The text of the token.
    package let text: String
    /// The variable or file, for a message.
    package let place: String
  }

  /// The server: `HF_ENDPOINT`, or the Hub's own, without a slash at the end.
  package static var endpoint: String {
    var text = Environment["HF_ENDPOINT"] ?? "https://huggingface.co"
    while text.utf8.hasSuffix("/") { text = text.droppingLastBytes(1) }
    return text
  }

  /// Whether `address` is on ``endpoint``. Anything before or after the host's name makes it another.
  package static func isHost(of address: String) -> Bool {
    address.utf8.hasPrefix(endpoint + "/")
  }

  /// The token: that of `HF_TOKEN`, else `HUGGING_FACE_HUB_TOKEN`, else the contents of the file
  /// `HF_TOKEN_PATH` or `HF_HOME/token`. `nil` when there is none, or `HF_HUB_DISABLE_IMPLICIT_TOKEN`
  /// is set.
  ///
  /// - Throws: `CheckpointError` when it holds characters that no token has.
  package static func token() throws(CheckpointError) -> Token? {
    let disabled = Environment["HF_HUB_DISABLE_IMPLICIT_TOKEN"]?.uppercased() ?? ""
    if ["1", "ON", "YES", "TRUE"].contains(disabled) { return nil }
    for name in ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"] {
      if let text = Environment[name], let token = try token(text, in: name) {
        return token
      }
    }
    let path =
      HuggingFaceCache.path(in: "HF_TOKEN_PATH")
      ?? Path.join(HuggingFaceCache.home, "token")
    guard WholeFile.exists(path), !WholeFile.isFolder(path) else { return nil }
    let bytes = try WholeFile.read(path, limit: 1 << 12)
    return try token(String(decoding: bytes, as: UTF8.self), in: path)
  }

  private static func token(
    _ text: String, in place: String
  ) throws(CheckpointError) -> Token? {
    let lines = text.utf8.filter { $0 != 0x0A && $0 != 0x0D }
    let text = lines.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
      .joined(separator: " ")
    guard !text.isEmpty else { return nil }
    guard text.utf8.count <= 1 << 12, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw .invalidToken(place)
    }
    return Token(text: text, place: place)
  }

  /// What to do when the server refuses `url` with `status`: 401 or 403.
  package static func advice(for url: String, status: Int) -> String {
    let model = url.utf8.dropFirst(endpoint.utf8.count + 1).split(separator: UInt8(ascii: "/"))
      .prefix(2).map { String(Substring($0)) }
      .joined(separator: "/")
    guard let token = try? token() else {
      return "the model is gated, private or not there; "
        + "log in with: hf auth login (or set HF_TOKEN), and accept its terms at "
        + "\(endpoint)/\(model)"
    }
    return status == 401
      ? "it does not take the token in \(token.place); log in with: hf auth login"
      : "the account of the token in \(token.place) has no access; ask for it at "
        + "\(endpoint)/\(model)"
  }
}

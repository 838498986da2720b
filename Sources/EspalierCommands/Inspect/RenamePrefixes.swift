import CheckpointFiles
import ParameterSurgery

/// Prefixes that are the only difference between many keys of two checkpoints.
struct RenamePrefixes {
  /// The prefixes that more than one pair of keys differs in, with the number of pairs.
  let hints: [(prefix: Key, count: Int)]
  /// The renames that no hint is about.
  let others: [LikelyRename]

  init(_ renames: [LikelyRename]) {
    var counts: [Key: Int] = [:]
    let prefixes = renames.map(RenamePrefixes.prefix)
    for case let prefix? in prefixes { counts[prefix, default: 0] += 1 }
    hints = counts.filter { $0.value > 1 }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    others = zip(renames, prefixes).filter { _, prefix in
      prefix.map { counts[$0, default: 0] <= 1 } ?? true
    }.map(\.0)
  }

  /// What a hint says, and the option that helps.
  static func text(_ hint: (prefix: Key, count: Int)) -> (sentence: String, option: String) {
    (
      "\(grouped(hint.count)) keys differ only in the prefix \(quoted(hint.prefix.string))",
      "--ignore-prefix \(Advice.shellWord(shown(hint.prefix.string)))"
    )
  }

  /// The prefix that one of the keys has, when it is their only difference.
  static func prefix(_ rename: LikelyRename) -> Key? {
    let (from, to) = (rename.from.string.utf8, rename.to.string.utf8)
    let (short, long) = from.count < to.count ? (from, to) : (to, from)
    let prefix = long.dropLast(short.count)
    guard prefix.last == UInt8(ascii: "."), long.suffix(short.count).elementsEqual(short) else {
      return nil
    }
    return Key(String(Substring(prefix)))
  }
}

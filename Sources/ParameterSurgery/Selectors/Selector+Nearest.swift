extension Selector {
  /// Selectors that select something and resemble this one, which selects nothing: best first, none when nothing is near.
  package func nearest(in tree: ParameterTree) -> [String] {
    guard case .paths(let paths) = pattern else { return [] }
    let path =
      paths.first { Suggester(tree: tree, path: $0).firstDeadEnd != nil } ?? paths.first ?? []
    let suffix = filters.map(\.spelling).joined()
    let suggester = Suggester(tree: tree, path: path)
    let nearest = suggester.nearest()
    let all = nearest.isEmpty ? suggester.deeper().map { [$0] } ?? [] : nearest
    return all.map { $0 + suffix }.filter { suggestion in
      (try? Selector(suggestion).match(in: tree).entries.isEmpty) == false
    }
  }
}

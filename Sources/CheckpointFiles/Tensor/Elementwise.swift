internal import CEspalierKernels

/// Loops over numbers, each of which gives the same bits on every machine. The arrays of one call have
/// the same length.
package enum Elementwise {
  /// values[i] *= factor.
  package static func scale(_ values: inout [Double], by factor: Double) {
    unsafe espalier_scale_f64(&values, factor, values.count)
  }

  /// values[i] −= others[i].
  package static func subtract(_ others: [Double], from values: inout [Double]) {
    precondition(others.count == values.count, "one for each")
    unsafe espalier_subtract_f64(&values, others, values.count)
  }

  /// sums[i] += values[i]·factor.
  package static func add(_ values: [Double], times factor: Double, to sums: inout [Double]) {
    precondition(values.count == sums.count, "one for each")
    unsafe espalier_add_scaled_f64(&sums, values, factor, sums.count)
  }

  /// values[i] += scale·Σ factors[r]·vectors[r][i], the sum in `Float`; `row` is scratch.
  package static func addRow(
    _ factors: [Float], of vectors: [Float], times scale: Float, to values: inout [Double],
    _ row: inout [Float]
  ) {
    precondition(
      vectors.count == factors.count * values.count && row.count == values.count, "one for each")
    unsafe espalier_add_low_rank_row(
      &values, &row, factors, vectors, factors.count, scale, values.count)
  }

  /// values[i] += lambda·(what TIES elects of the deltas, one model after the other).
  package static func addElected(
    _ deltas: inout [Double], weights: [Double], thresholds: [Double], times lambda: Double,
    to values: inout [Double]
  ) {
    precondition(
      deltas.count == weights.count * values.count && thresholds.count == weights.count,
      "one for each")
    unsafe espalier_add_ties(
      &values, &deltas, weights.count, weights, thresholds, lambda, values.count)
  }

  /// Counts the magnitudes, as `Float`, of `deltas` by their upper 16 bits; or of those that have the
  /// upper bits `upper`, by their lower 16.
  package static func countMagnitudes(
    _ deltas: [Double], with upper: Int?, into counts: inout [Int64]
  ) {
    precondition(counts.count == 1 << 16, "one for every 16 bits")
    unsafe espalier_count_magnitudes(&counts, deltas, deltas.count, upper.map { Int32($0) } ?? -1)
  }
}

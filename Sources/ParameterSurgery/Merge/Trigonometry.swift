// The C library's functions differ in the last bit from machine to machine; these do not, and a merge
// needs them twice a tensor.

/// The sine of an angle between 0 and π.
func sine(_ angle: Double) -> Double {
  // sin x = sin (π - x): below π/2 the series converges fast.
  let x = angle > .pi / 2 ? .pi - angle : angle
  var term = x
  var sum = 0.0
  for index in 1...12 {
    sum += term
    term *= -x * x / Double(2 * index * (2 * index + 1))
  }
  return sum
}

/// The angle between 0 and π whose cosine is `cosine`.
func arcCosine(_ cosine: Double) -> Double {
  // Halving the interval: the cosine falls from 1 to -1.
  var low = 0.0
  var high = Double.pi
  for _ in 0..<64 {
    let middle = (low + high) / 2
    // cos x = sin (π/2 - x), with the sign taken apart.
    let value = middle <= .pi / 2 ? sine(.pi / 2 - middle) : -sine(middle - .pi / 2)
    if value > cosine { low = middle } else { high = middle }
  }
  return (low + high) / 2
}

// Linear least squares, as numpy.linalg.lstsq: of many best solutions, the smallest.

/**
 * The coefficients x for which the sum over columns of x[i] * columns[i] is nearest to values. columns: Float64Arrays.
 * By singular values: one-sided Jacobi rotations (Golub and Van Loan, "Matrix Computations", 8.6.3).
 */
export function leastSquares(columns, values) {
  const count = columns.length
  const turned = columns.map((column) => Float64Array.from(column))
  const rotation = columns.map((_, row) => columns.map((_, column) => (row === column ? 1 : 0)))
  for (let sweep = 0; sweep < 30; sweep++) {
    let done = true
    for (let i = 0; i < count; i++) {
      for (let j = i + 1; j < count; j++) {
        const [a, b, both] = [dot(turned[i], turned[i]), dot(turned[j], turned[j]), dot(turned[i], turned[j])]
        if (Math.abs(both) <= 1e-15 * Math.sqrt(a * b)) continue
        done = false
        const zeta = (b - a) / (2 * both)
        const tangent = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta))
        const cosine = 1 / Math.hypot(1, tangent)
        for (const pair of [turned, rotation]) rotate(pair[i], pair[j], cosine, cosine * tangent)
      }
    }
    if (done) break
  }
  const sizes = turned.map((column) => dot(column, column))
  const least = Math.max(...sizes) * (Number.EPSILON * Math.max(values.length, count)) ** 2
  const shares = turned.map((column, i) => (sizes[i] > least ? dot(column, values) / sizes[i] : 0))
  return columns.map((_, at) => shares.reduce((sum, share, i) => sum + share * rotation[i][at], 0))
}

function rotate(first, second, cosine, sine) {
  for (let at = 0; at < first.length; at++) {
    const [a, b] = [first[at], second[at]]
    first[at] = cosine * a - sine * b
    second[at] = sine * a + cosine * b
  }
}

function dot(first, second) {
  let total = 0
  for (let at = 0; at < first.length; at++) total += first[at] * second[at]
  return total
}

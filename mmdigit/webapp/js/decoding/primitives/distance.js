// The distance of each pixel to the nearest 0, as OpenCV's distanceTransform with DIST_L2 and a 3x3 mask.

// Borgefors 1986, "Distance Transformations in Digital Images": the steps whose error is least.
const SIDE = Math.fround(0.955)
const DIAGONAL = Math.fround(1.3693)

/** Grey: distances in pixels, of steps from pixel to pixel; infinite if no pixel is 0. */
export function distanceTransform({ width, height, data }) {
  const wide = width + 2
  const steps = new Float32Array(wide * (height + 2)).fill(Infinity)
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const at = (row + 1) * wide + column + 1
      steps[at] = data[row * width + column] === 0 ? 0 : Math.min(
        steps[at - 1] + SIDE,
        steps[at - wide - 1] + DIAGONAL, steps[at - wide] + SIDE, steps[at - wide + 1] + DIAGONAL)
    }
  }
  const distances = new Float32Array(width * height)
  for (let row = height - 1; row >= 0; row--) {
    for (let column = width - 1; column >= 0; column--) {
      const at = (row + 1) * wide + column + 1
      steps[at] = Math.min(
        steps[at], steps[at + 1] + SIDE,
        steps[at + wide + 1] + DIAGONAL, steps[at + wide] + SIDE, steps[at + wide - 1] + DIAGONAL)
      distances[row * width + column] = steps[at]
    }
  }
  return { width, height, data: distances }
}

// Dilation, erosion, closing and opening with a rectangle, as OpenCV's. What lies outside the image does not count.

/** The largest value within a window, whose pixel at half its sides (rounded down) is the pixel itself. */
export const dilate = (plane, width, height = width) => extreme(plane, width, height, true)
export const erode = (plane, width, height = width) => extreme(plane, width, height, false)

/** Fills what is darker and narrower than the window. */
export const close = (plane, side) => erode(dilate(plane, side), side)

/** Removes what is brighter and narrower than the window. */
export const open = (plane, side) => dilate(erode(plane, side), side)

function extreme(plane, across, down, largest) {
  const rows = across === 1 ? plane.data : alongRows(plane, across, largest)
  return { ...plane, data: down === 1 ? rows.slice() : alongColumns({ ...plane, data: rows }, down, largest) }
}

// Of each block as long as the window, the extremes of its starts and of its ends are enough (van Herk 1992): any window is
// the end of a block and the start of the next.

/** What never is an extreme. */
const nothing = (data, largest) => (data instanceof Float32Array ? (largest ? -Infinity : Infinity) : largest ? 0 : 255)

function alongRows({ width, height, data }, window, largest) {
  const made = new data.constructor(data.length)
  const before = window >> 1
  const size = Math.ceil((width + window - 1) / window) * window
  const [values, starts, ends] = [0, 1, 2].map(() => new data.constructor(size).fill(nothing(data, largest)))
  for (let row = 0; row < height; row++) {
    values.set(data.subarray(row * width, (row + 1) * width), before)
    for (let at = 0; at < size; at++) {
      starts[at] = at % window === 0 ? values[at] : pick(values[at], starts[at - 1], largest)
    }
    for (let at = size - 1; at >= 0; at--) {
      ends[at] = at % window === window - 1 ? values[at] : pick(values[at], ends[at + 1], largest)
    }
    for (let at = 0; at < width; at++) made[row * width + at] = pick(ends[at], starts[at + window - 1], largest)
  }
  return made
}

/** As alongRows, a row after the other, which the processor's cache likes. */
function alongColumns({ width, height, data }, window, largest) {
  const made = new data.constructor(data.length)
  const before = window >> 1
  const size = Math.ceil((height + window - 1) / window) * window
  const [starts, ends] = [0, 1].map(() => new data.constructor(size * width).fill(nothing(data, largest)))
  starts.set(data, before * width)
  ends.set(data, before * width)
  for (let row = 1; row < size; row++) {
    if (row % window !== 0) carry(starts, row * width, (row - 1) * width, width, largest)
  }
  for (let row = size - 2; row >= 0; row--) {
    if (row % window !== window - 1) carry(ends, row * width, (row + 1) * width, width, largest)
  }
  const last = (window - 1) * width
  for (let at = 0; at < made.length; at++) made[at] = pick(ends[at], starts[at + last], largest)
  return made
}

function carry(values, to, from, count, largest) {
  for (let at = 0; at < count; at++) values[to + at] = pick(values[to + at], values[from + at], largest)
}

const pick = (one, other, largest) => (largest ? (one > other ? one : other) : one < other ? one : other)

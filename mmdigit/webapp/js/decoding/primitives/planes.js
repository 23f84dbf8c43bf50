// Planes of pixels, row by row: {width, height, data}. "Grey" holds a Float32Array, range [0, 1] unless stated
// otherwise; "flags" hold a Uint8Array of 0 and 1.

export const grey = (width, height) => ({ width, height, data: new Float32Array(width * height) })
export const flags = (width, height) => ({ width, height, data: new Uint8Array(width * height) })

/** Grey of the same size: change(value, index) of each pixel. */
export function map(plane, change) {
  const { width, height, data } = plane
  const made = grey(width, height)
  for (let at = 0; at < data.length; at++) made.data[at] = change(data[at], at)
  return made
}

/** Flags of the same size: whether test(value, index) holds for each pixel. */
export function flag(plane, test) {
  const { width, height, data } = plane
  const made = flags(width, height)
  for (let at = 0; at < data.length; at++) made.data[at] = test(data[at], at) ? 1 : 0
  return made
}

/** Flags where the grey is above the threshold, which counts as float32, as numpy compares. */
export function above(plane, threshold) {
  const least = Math.fround(threshold)
  return flag(plane, (value) => value > least)
}

/** Rows become columns. */
export function transpose({ width, height, data }) {
  const turned = new data.constructor(data.length)
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) turned[column * height + row] = data[row * width + column]
  }
  return { width: height, height: width, data: turned }
}

/** The rectangle whose first pixel is at (left, top). */
export function crop(plane, left, top, width, height) {
  const data = new plane.data.constructor(width * height)
  for (let row = 0; row < height; row++) {
    const start = (top + row) * plane.width + left
    data.set(plane.data.subarray(start, start + width), row * width)
  }
  return { width, height, data }
}

/** With a margin of zeros on each side. */
export function pad({ width, height, data }, margin) {
  const wide = width + 2 * margin
  const padded = new data.constructor(wide * (height + 2 * margin))
  for (let row = 0; row < height; row++) {
    padded.set(data.subarray(row * width, (row + 1) * width), (row + margin) * wide + margin)
  }
  return { width: wide, height: height + 2 * margin, data: padded }
}

/** Every second pixel of every second row, as an array. */
export function everySecond({ width, height, data }) {
  const values = new data.constructor(Math.ceil(width / 2) * Math.ceil(height / 2))
  let at = 0
  for (let row = 0; row < height; row += 2) {
    for (let column = 0; column < width; column += 2) values[at++] = data[row * width + column]
  }
  return values
}

/** First and last row, first and last column, one after the other; corners are in it twice. */
export function border({ width, height, data }) {
  const edge = new data.constructor(2 * (width + height))
  edge.set(data.subarray(0, width))
  edge.set(data.subarray((height - 1) * width), width)
  for (let row = 0; row < height; row++) {
    edge[2 * width + row] = data[row * width]
    edge[2 * width + height + row] = data[(row + 1) * width - 1]
  }
  return edge
}

/** The smallest rectangle around all pixels other than 0, {left, top, width, height}; of size 0 if there are none. */
export function boundingRect({ width, height, data }) {
  let left = width
  let top = height
  let right = 0
  let bottom = 0
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      if (data[row * width + column] === 0) continue
      left = Math.min(left, column)
      right = Math.max(right, column + 1)
      top = Math.min(top, row)
      bottom = Math.max(bottom, row + 1)
    }
  }
  if (bottom === 0) return { left: 0, top: 0, width: 0, height: 0 }
  return { left, top, width: right - left, height: bottom - top }
}

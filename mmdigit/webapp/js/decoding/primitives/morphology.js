// Dilation, erosion, closing and opening with a rectangle, as OpenCV's. What lies outside the image does not count.

/** The largest value within a window, whose pixel at half its sides (rounded down) is the pixel itself. */
export const dilate = (plane, width, height = width) => extreme(plane, width, height, true)
export const erode = (plane, width, height = width) => extreme(plane, width, height, false)

/** Fills what is darker and narrower than the window. */
export const close = (plane, side) => erode(dilate(plane, side), side)

/** Removes what is brighter and narrower than the window. */
export const open = (plane, side) => dilate(erode(plane, side), side)

function extreme({ width, height, data }, across, down, largest) {
  const between = slide(data, width, height, 1, width, across, largest)
  return { width, height, data: slide(between, height, width, width, 1, down, largest) }
}

/** Along each of `lines` lines of `length` places; step: between places, next: between lines. */
function slide(data, length, lines, step, next, window, largest) {
  const made = new data.constructor(data.length)
  const before = window >> 1
  for (let line = 0; line < lines; line++) {
    for (let place = 0; place < length; place++) {
      const last = Math.min(length - 1, place - before + window - 1)
      let best = data[line * next + place * step]
      for (let at = Math.max(0, place - before); at <= last; at++) {
        const value = data[line * next + at * step]
        if (largest ? value > best : value < best) best = value
      }
      made[line * next + place * step] = best
    }
  }
  return made
}

// Connected components, as OpenCV's connectedComponentsWithStats.

/**
 * The parts of pixels other than 0 that touch each other, by sides and corners (8) or sides alone (4).
 * Returns {partOf: Int32Array, the part of each pixel, 0 = none; parts: from 1 on, {left, top, width, height, area,
 * centreX, centreY}; parts[0] is null}, in the order of their first pixels.
 */
export function connectedComponents({ width, height, data }, connectivity = 8) {
  const partOf = new Int32Array(data.length)
  const parts = [null]
  const waiting = []
  for (let start = 0; start < data.length; start++) {
    if (data[start] === 0 || partOf[start] !== 0) continue
    const part = parts.length
    const box = { left: width, top: height, right: 0, bottom: 0, area: 0, sumX: 0, sumY: 0 }
    partOf[start] = part
    waiting.push(start)
    while (waiting.length > 0) {
      const at = waiting.pop()
      const x = at % width
      const y = (at - x) / width
      box.left = Math.min(box.left, x)
      box.right = Math.max(box.right, x + 1)
      box.top = Math.min(box.top, y)
      box.bottom = Math.max(box.bottom, y + 1)
      box.area += 1
      box.sumX += x
      box.sumY += y
      for (let down = -1; down <= 1; down++) {
        for (let right = -1; right <= 1; right++) {
          if (connectivity === 4 && down !== 0 && right !== 0) continue
          if (x + right < 0 || x + right >= width || y + down < 0 || y + down >= height) continue
          const near = at + down * width + right
          if (data[near] === 0 || partOf[near] !== 0) continue
          partOf[near] = part
          waiting.push(near)
        }
      }
    }
    const { left, top, right, bottom, area, sumX, sumY } = box
    const centre = { centreX: sumX / area, centreY: sumY / area }
    parts.push({ left, top, width: right - left, height: bottom - top, area, ...centre })
  }
  return { partOf, parts }
}

/** The sum of values over each part, Float64Array; [0] is that of the pixels of no part. */
export function sumByPart({ partOf, parts }, values) {
  const sums = new Float64Array(parts.length)
  for (let at = 0; at < partOf.length; at++) sums[partOf[at]] += values[at]
  return sums
}

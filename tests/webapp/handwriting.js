// Writes digits as a hand does, each time differently, and with planted faults: for the tests of the feedback.
// A function expression, so that a test can hand it to the page: (modules) => the functions below.

({ strokes: geometry }) => {
  /** Random numbers in [0, 1), the same for the same seed (mulberry32). */
  function randomOf(seed) {
    let state = seed >>> 0
    return () => {
      state = (state + 0x6d2b79f5) >>> 0
      let mixed = Math.imul(state ^ (state >>> 15), state | 1)
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
    }
  }

  const uniform = (random, low, high) => low + (high - low) * random()
  const normal = (random, deviation) => deviation * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

  /**
   * Strokes as somebody writes them on the pad: slanted, turned, stretched, with a wobbling and a trembling hand, at an
   * uneven speed, at some size and place. Lengths are shares of the digit's height.
   */
  function write(strokes, random, { height = uniform(random, 0.4, 0.85) } = {}) {
    const slant = uniform(random, -0.15, 0.3)
    const stretch = uniform(random, 0.75, 1.25)
    const angle = Math.max(-0.2, Math.min(0.2, normal(random, 0.07)))
    const wobble = uniform(random, 0.005, 0.02)
    const written = strokes.map((stroke) => {
      const [dx, dy] = [normal(random, 0.012), normal(random, 0.012)]
      const waves = [1, 2, 3].map((rate) => ({
        rate, x: normal(random, wobble), y: normal(random, wobble), phase: uniform(random, 0, 2 * Math.PI),
      }))
      const count = Math.round(uniform(random, 20, 60))
      const speed = uniform(random, 0.7, 1.4) // below 1 hasty at the start, above 1 hasty at the end
      const dense = geometry.resampled(stroke, 200)
      return Array.from({ length: count }, (_, i) => {
        const share = (i / (count - 1)) ** speed
        const point = dense[Math.round(share * 199)]
        let [x, y] = [point.x + dx + normal(random, 0.003), point.y + dy + normal(random, 0.003)]
        for (const wave of waves) {
          x += wave.x * Math.sin(wave.rate * Math.PI * share + wave.phase)
          y += wave.y * Math.sin(wave.rate * Math.PI * share + wave.phase)
        }
        x = x * stretch - slant * y
        return { x: x * Math.cos(angle) - y * Math.sin(angle), y: x * Math.sin(angle) + y * Math.cos(angle) }
      })
    })
    return place(written, height, random)
  }

  /** Strokes at this height somewhere on the pad, and smaller if they were too wide. */
  function place(strokes, height, random, margin = 0.05) {
    const box = geometry.boxOf(strokes)
    const scale = Math.min(height / box.size, (1 - 2 * margin) / box.size)
    const left = uniform(random, margin, 1 - margin - box.width * scale)
    const top = uniform(random, margin, 1 - margin - box.height * scale)
    return strokes.map((stroke) =>
      stroke.map(({ x, y }) => ({ x: left + (x - box.left) * scale, y: top + (y - box.top) * scale })),
    )
  }

  const mirror = (strokes) => geometry.mirrored(strokes)
  const turn = (strokes) => geometry.turned(strokes)
  const replaced = (strokes, k, stroke) => strokes.toSpliced(k, 1, stroke)

  /** The join [one, other] of a way torn open by `gap`: its end is cut off, or the stroke it belongs to begins later. */
  function tear(way, join, gap) {
    const [[a, aFrom, aTo], [b, bFrom, bTo]] = join
    for (let cut = 0; cut < 0.6; cut += 0.01) {
      const strokes = [...way.strokes]
      if (aTo === 1) strokes[a] = geometry.piece(strokes[a], 0, 1 - cut, 128)
      else if (bTo === 1) strokes[b] = geometry.piece(strokes[b], 0, 1 - cut, 128)
      else strokes[a] = geometry.piece(strokes[a], cut, 1, 128)
      const end = aTo === 1 ? strokes[a].at(-1) : bTo === 1 ? strokes[b].at(-1) : strokes[a][0]
      const rest = aTo === 1 ? geometry.piece(way.strokes[b], bFrom, bTo) : bTo === 1
        ? geometry.piece(way.strokes[a], aFrom, aTo) : geometry.piece(way.strokes[b], bFrom, bTo)
      if (geometry.nearest([end, end], rest).distance >= gap) return strokes
    }
    return null
  }

  /** The gap [end, other] of a way closed: the last third of the line bends until it touches the other. */
  function close(way, [[a, from], [b, bFrom, bTo]]) {
    const other = geometry.piece(way.strokes[b], bFrom, bTo)
    const points = geometry.resampled(from === 0 ? way.strokes[a].toReversed() : way.strokes[a], 100)
    const end = points.at(-1)
    const near = other.reduce((best, point) => (geometry.distance(point, end) < geometry.distance(best, end) ? point : best))
    const bent = points.map((point, i) => {
      const pull = Math.max(0, (i - 66) / 33) ** 2
      return { x: point.x + pull * (near.x - end.x), y: point.y + pull * (near.y - end.y) }
    })
    return replaced(way.strokes, a, from === 0 ? bent.toReversed() : bent)
  }

  /** The gap closed by a straight line from the end. */
  function bridge(way, [[a, from], [b, bFrom, bTo]]) {
    const other = geometry.piece(way.strokes[b], bFrom, bTo)
    const end = from === 0 ? way.strokes[a][0] : way.strokes[a].at(-1)
    const near = other.reduce((best, point) => (geometry.distance(point, end) < geometry.distance(best, end) ? point : best))
    const line = Array.from({ length: 12 }, (_, i) => geometry.between(end, near, (i + 1) / 11))
    return replaced(way.strokes, a, from === 0 ? [...line.toReversed(), ...way.strokes[a]] : [...way.strokes[a], ...line])
  }

  /** A ring begun after this share of it. */
  function shift(strokes, k, share) {
    const points = geometry.resampled(strokes[k], 100).slice(0, -1)
    const at = Math.round(share * 99)
    return replaced(strokes, k, [...points.slice(at), ...points.slice(0, at), points[at]])
  }

  /** Strokes by a hand that shakes: slow waves of up to a thirtieth of the height along each. */
  function shaky(strokes, random) {
    return strokes.map((stroke) => {
      const waves = [2, 4, 7].map((rate) => ({ rate, size: uniform(random, 0.005, 0.015), phase: uniform(random, 0, 2 * Math.PI) }))
      return geometry.resampled(stroke, 120).map(({ x, y }, i) => {
        const shake = (turn) => waves.reduce((sum, { rate, size, phase }) => sum + size * Math.sin(rate * Math.PI * (i / 119) + phase + turn), 0)
        return { x: x + shake(0), y: y + shake(2) }
      })
    })
  }

  /** The longest stroke in two pieces, as if the pen was lifted on the way. */
  function lifted(strokes, random) {
    const lengths = strokes.map(geometry.lengthOf)
    const k = lengths.indexOf(Math.max(...lengths))
    const at = uniform(random, 0.3, 0.7)
    return strokes.toSpliced(k, 1, geometry.piece(strokes[k], 0, at, 100), geometry.piece(strokes[k], at, 1, 100))
  }

  /** Whether a stroke turns sharply somewhere. */
  const hasCorner = (stroke) => geometry.lengthOf(stroke) > 1.1 * geometry.distance(stroke[0], stroke.at(-1))

  return { randomOf, uniform, write, place, mirror, turn, tear, close, bridge, shift, replaced, shaky, lifted, hasCorner }
}

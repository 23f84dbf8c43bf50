// What the figures were in the last minutes, since this page was opened.

export const KEPT_S = 300
const GAP_S = 12 // so long without a status is a gap in the line

/** Points of time and figures, oldest first. */
export class History {
  points = []

  /** nowMs: by a clock that never goes back. */
  add(nowMs, status) {
    const { pace } = status
    this.points.push({
      s: nowMs / 1000,
      answers: pace.per_s,
      latency: pace.p95_s ?? null,
      backlog: status.backlog_s,
      review: pace.answers ? pace.review / pace.answers : null,
    })
    while (this.points[0].s < nowMs / 1000 - KEPT_S) this.points.shift()
  }

  /** Seconds at the newest point. */
  get end() {
    return this.points.at(-1).s
  }

  /** The figure `name` as unbroken pieces [[{age, value}, ...], ...]; age: seconds before the newest point. */
  pieces(name) {
    const pieces = []
    let last = null
    for (const point of this.points) {
      if (point[name] === null) {
        last = null
        continue
      }
      if (last === null || point.s - last > GAP_S) pieces.push([])
      pieces.at(-1).push({ age: this.end - point.s, value: point[name] })
      last = point.s
    }
    return pieces
  }

  /** One figure for each stepS seconds, newest first: [{age, value}, ...]. */
  rows(name, stepS) {
    const rows = []
    for (const { age, value } of this.pieces(name).flat().reverse()) {
      if (rows.length === 0 || age - rows.at(-1).age >= stepS) rows.push({ age, value })
    }
    return rows
  }
}

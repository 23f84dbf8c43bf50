// How fast somebody keys: their own figures, for themselves.

const PAUSE_MS = 60_000 // longer is a pause, which counts as nothing

/** Counts keys. now: milliseconds of a clock that never goes back. */
export function speedometer(now = () => performance.now()) {
  const gaps = []
  let last = null
  let keyed = 0
  return {
    /** So many fields were keyed just now. */
    count(fields = 1) {
      const at = now()
      if (last !== null && at - last <= PAUSE_MS) for (let i = 0; i < fields; i++) gaps.push((at - last) / fields)
      last = at
      keyed += fields
    },
    /** So many were taken back. */
    takeBack(fields = 1) {
      keyed -= fields
    },
    /** keyed; seconds from one field to the next, on average, and fields an hour: null before the second. */
    get figures() {
      if (gaps.length === 0) return { keyed, seconds: null, perHour: null }
      const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
      return { keyed, seconds: mean / 1000, perHour: Math.round(3_600_000 / mean) }
    },
  }
}

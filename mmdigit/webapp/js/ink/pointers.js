// Writes on a pad with mouse, finger or pen.

const LEAST = 0.003 // heights between two points: more of them would change nothing
const PALM_MS = 500 // a hand that rests beside the pen touches the pad until about then

/**
 * Turn a canvas's pointers into strokes. begin(point), extend(points), finish() and cancel() are told; before() is
 * called as a pointer comes down. Pressure changes nothing, so that all pens write alike. While a pen writes, and a
 * moment after, fingers and palms do not.
 */
export function pointerPen(canvas, { aspect, begin, extend, finish, cancel, before }) {
  let active = null // the pointer that writes
  let last = null // its last point
  let penAt = -Infinity // when a pen was last seen

  const place = ({ clientX, clientY, timeStamp }, { left, top, height }) => ({
    x: Math.min(Math.max((clientX - left) / height, 0), aspect),
    y: Math.min(Math.max((clientY - top) / height, 0), 1),
    t: timeStamp,
  })

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return
    if (event.pointerType === "pen") {
      penAt = event.timeStamp
      if (active?.pointerType === "touch") { // the palm came first
        cancel()
        active = null
      }
    }
    if (active || (event.pointerType === "touch" && event.timeStamp - penAt < PALM_MS)) return
    before()
    active = event
    canvas.setPointerCapture(event.pointerId)
    last = place(event, canvas.getBoundingClientRect())
    begin(last)
  })

  function write(events) {
    const bounds = canvas.getBoundingClientRect()
    const points = events.map((each) => place(each, bounds)).filter((point) => {
      if (Math.hypot(point.x - last.x, point.y - last.y) < LEAST) return false
      last = point
      return true
    })
    if (points.length) extend(points)
  }

  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerType === "pen") penAt = event.timeStamp
    if (event.pointerId !== active?.pointerId) return
    const events = event.getCoalescedEvents?.() ?? []
    write(events.length ? events : [event])
  })

  canvas.addEventListener("pointerup", (event) => {
    if (event.pointerId !== active?.pointerId) return
    write([event])
    active = null
    finish()
  })

  canvas.addEventListener("pointercancel", (event) => {
    if (event.pointerId !== active?.pointerId) return
    active = null
    cancel()
  })
}

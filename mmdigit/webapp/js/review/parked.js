// Work that goes on while its screen is built anew at the same address: in another language, or after a login.

import { linkTo } from "./tasks.js"

let parked = null

/** Set a session aside. */
export function park(task, work) {
  endParked()
  parked = { place: linkTo(task), work }
}

/** The session of a task, which is then no longer set aside; null without one. */
export function unpark(task) {
  if (parked?.place !== linkTo(task)) return null
  const { work } = parked
  parked = null
  return work
}

/** End what is set aside; nobody has come back to it. */
export function endParked({ now = false } = {}) {
  parked?.work.end({ now })
  parked = null
}

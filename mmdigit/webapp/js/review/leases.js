// Claims that a session holds: kept for longer while somebody works, told when they are over.

import { ApiError } from "../api.js"
import { renew } from "./requests.js"

const LOOK_MS = 2000
const IDLE_MS = 300_000 // somebody who has gone does not keep fields from others

const WARN_MS = 120_000 // before the end of a lease that is not kept for longer

/**
 * Leases. isNeeded(claim): whether anything of it is left. onLost(claim): it is over. onEnding(ms): so soon it will be,
 * unless touch is called. now: milliseconds.
 */
export function leases({ isNeeded, onLost, onEnding = () => {}, now = () => performance.now() }) {
  const held = new Map()
  let worked = now()
  let warned = false

  async function look() {
    for (const [claim, lease] of held) {
      if (!isNeeded(claim) || lease.until - now() > lease.lasts / 2) continue
      if (now() - worked > IDLE_MS) {
        warn(lease.until - now())
        continue
      }
      try {
        add(await renew(claim))
      } catch (error) {
        if (!(error instanceof ApiError) || error.passes || error.status === 401) continue
        held.delete(claim)
        onLost(claim)
      }
    }
  }

  function warn(left) {
    if (warned || left <= 0 || left > WARN_MS) return
    warned = true
    onEnding(left)
  }

  function add({ claim, lease_ms }) {
    held.set(claim, { until: now() + lease_ms, lasts: lease_ms })
  }

  const timer = setInterval(look, LOOK_MS)
  return {
    add,
    look,
    /** Somebody works. After a pause, look at once: what was held may be over. */
    touch() {
      const paused = now() - worked > IDLE_MS
      worked = now()
      warned = false
      if (paused) look()
    },
    drop: (claim) => held.delete(claim),
    get claims() {
      return [...held.keys()]
    },
    end: () => clearInterval(timer),
  }
}

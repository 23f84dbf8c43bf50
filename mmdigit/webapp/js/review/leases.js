// Claims that a session holds: kept for longer while somebody works, told when they are over.

import { ApiError } from "../api.js"
import { renew } from "./requests.js"

const LOOK_MS = 2000
const IDLE_MS = 300_000 // somebody who has gone does not keep fields from others

/** Leases. isNeeded(claim): whether anything of it is left. onLost(claim): it is over. now: milliseconds. */
export function leases({ isNeeded, onLost, now = () => performance.now() }) {
  const held = new Map()
  let worked = now()

  async function look() {
    for (const [claim, lease] of held) {
      if (!isNeeded(claim) || now() - worked > IDLE_MS || lease.until - now() > lease.lasts / 2) continue
      try {
        add(await renew(claim))
      } catch (error) {
        if (!(error instanceof ApiError) || error.passes || error.status === 401) continue
        held.delete(claim)
        onLost(claim)
      }
    }
  }

  function add({ claim, lease_ms }) {
    held.set(claim, { until: now() + lease_ms, lasts: lease_ms })
  }

  const timer = setInterval(look, LOOK_MS)
  return {
    add,
    /** Somebody works. After a pause, look at once: what was held may be over. */
    touch() {
      const paused = now() - worked > IDLE_MS
      worked = now()
      if (paused) look()
    },
    drop: (claim) => held.delete(claim),
    get claims() {
      return [...held.keys()]
    },
    end: () => clearInterval(timer),
  }
}

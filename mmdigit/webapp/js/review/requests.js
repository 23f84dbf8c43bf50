// The gateway's operations of review (schemas/review.py), one function each.

import { request, send, token } from "../api.js"

const root = "/v1/review"
const groupPath = (group) => `${root}/groups/${encodeURIComponent(group)}`
const claimPath = (claim) => `${root}/claims/${encodeURIComponent(claim)}`

/** Groups with forms, newest first. */
export const groups = async (signal) => (await request("GET", `${root}/groups`, { signal })).groups

/**
 * Work that nobody else has: asked is a ClaimRequest. Returns the claim with `lease_ms`, how long it lasts: reckoned by
 * the gateway's clock, since this device's may be wrong.
 */
export const claim = async (group, asked) => leased(await send("POST", `${groupPath(group)}/claims`, { body: asked }))

/** Keep a claim for longer. */
export const renew = async (id) => leased(await send("PUT", claimPath(id)))

/** Say what was keyed: {fields} or {boxes}. */
export const sendKeys = (id, keys) => request("POST", `${claimPath(id)}/keys`, { body: keys })

/** Give back what is left of a claim. */
export const release = (id) => request("DELETE", claimPath(id))

/** As release, while the page is closed: nobody waits for the answer. */
export function releaseAtOnce(id) {
  const headers = token() ? { Authorization: `Bearer ${token()}` } : {}
  fetch(claimPath(id), { method: "DELETE", headers, keepalive: true }).catch(() => {})
}

/** All that happened to a field, oldest first. */
export const fieldHistory = async (group, field) =>
  (await request("GET", `${groupPath(group)}/fields/${encodeURIComponent(field)}/history`)).changes

async function leased(response) {
  const now = Date.parse(response.headers.get("date") ?? "") || Date.now()
  const claimed = await response.json()
  return { ...claimed, lease_ms: Math.max(0, Date.parse(claimed.expires_at) - now) }
}

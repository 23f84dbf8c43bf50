// The gateway's operations of review (schemas/review.py), one function each.

import { jsonOf, request, send, token } from "../api.js"
import { settings } from "../settings.js"

// What the gateway leaves out where it has nothing to say.
const LEFT = { review: 0, control: 0, second: 0, digits: Array(10).fill(0) }
const FIELD = { serial: null, checks: "", boxes: [], sound: null, text: null, alternatives: [], chance: null, reasons: [], seen: 0 }
const HEARD = { box: null, written: null }

const root = "/v1/review"
const groupPath = (group) => `${root}/groups/${encodeURIComponent(group)}`
const claimPath = (claim) => `${root}/claims/${encodeURIComponent(claim)}`

/** Groups with forms, newest first, without the second keys that the person who sits here may not make. */
export async function groups(signal) {
  const who = token() || !settings.name ? "" : `?clerk=${encodeURIComponent(settings.name)}` // the gateway knows a token's
  const found = (await request("GET", `${root}/groups${who}`, { signal })).groups
  return found.map((group) => ({ ...group, left: { ...LEFT, ...group.left }, clerks: group.clerks ?? [] }))
}

/**
 * Work that nobody else has: asked is a ClaimRequest. Returns the claim with `lease_ms`, how long it lasts: reckoned by
 * the gateway's clock, since this device's may be wrong.
 */
export const claim = async (group, asked) => leased(await send("POST", `${groupPath(group)}/claims`, { body: asked }))

/** Keep a claim for longer. */
export const renew = async (id) => leased(await send("PUT", claimPath(id)))

/** Say what was keyed: {fields} or {boxes}. */
export async function sendKeys(id, keys) {
  const { results, left } = await request("POST", `${claimPath(id)}/keys`, { body: keys })
  return { results: results.map((result) => ({ value: null, error: null, seen: 0, ...result })), left: { ...LEFT, ...left } }
}

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

/** The recording of a field: a Blob of a WAV file. */
export const fieldSound = async (group, field) =>
  (await send("GET", `${groupPath(group)}/fields/${encodeURIComponent(field)}/sound`)).blob()

async function leased(response) {
  const now = Date.parse(response.headers.get("date") ?? "") || Date.now()
  const claimed = await jsonOf(response)
  const heard = (sound) => (sound ? { digits: (sound.digits ?? []).map((digit) => ({ ...HEARD, ...digit })) } : null)
  const fields = (claimed.fields ?? []).map((field) => ({ ...FIELD, ...field, sound: heard(field.sound) }))
  return { ...claimed, fields, boxes: claimed.boxes ?? [], lease_ms: Math.max(0, Date.parse(claimed.expires_at) - now) }
}

// What a person has typed and the gateway has not kept: offered again when the field comes back. Kept in this tab.

import { settings } from "../settings.js"

const KEPT = "mmdigit.review.offers"

// Who uses the tab later is told nothing of it: they may have to key the field blindly.
const place = (group, field) => `${group} ${field} ${settings.name}`

function all() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? "{}") ?? {}
  } catch {
    return {}
  }
}

function keep(offers) {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(offers))
  } catch {
    // A browser that keeps nothing offers only what its page remembers.
  }
}

/** Set an offer aside: {text, problem}, where problem says why it was not kept; null if it was never sent. */
export function putOffer(group, field, offer) {
  keep({ ...all(), [place(group, field)]: offer })
}

/** Take the offer of a field, which is then gone; null without one. */
export function takeOffer(group, field) {
  const { [place(group, field)]: offer = null, ...others } = all()
  if (offer !== null) keep(others)
  return offer
}

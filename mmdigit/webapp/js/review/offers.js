// What a person has typed and the gateway has not kept: offered again when the field comes back. Kept in this tab.

import { settings } from "../settings.js"
import { slot } from "../storage.js"

const kept = slot(() => sessionStorage, "mmdigit.review.offers")

// Who uses the tab later is told nothing of it: they may have to key the field blindly.
const place = (group, field) => `${group} ${field} ${settings.name}`

const all = () => kept.read() ?? {}

/** Set an offer aside: {text, problem}, where problem says why it was not kept; null if it was never sent. */
export function putOffer(group, field, offer) {
  kept.write({ ...all(), [place(group, field)]: offer })
}

/** Take the offer of a field, which is then gone; null without one. */
export function takeOffer(group, field) {
  const { [place(group, field)]: offer = null, ...others } = all()
  if (offer !== null) kept.write(others)
  return offer
}

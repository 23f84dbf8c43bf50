// Shows how loud the microphone hears.

import { h } from "../dom.js"

/** {element, set(level)}: a meter with this name. level: 0 to 1, as `record` tells its onLevel. */
export function levelMeter(label) {
  const element = h("meter", { class: "level", min: 0, max: 1, value: 0, "aria-label": label })
  return { element, set: (level) => (element.value = level) }
}

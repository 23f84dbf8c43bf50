// Figures as a person says them, in the language in use.

import { language } from "../texts.js"

const unit = (value, name, digits) =>
  new Intl.NumberFormat(language(), { style: "unit", unit: name, unitDisplay: "long", maximumFractionDigits: digits }).format(value)

/** A time in seconds: "350 milliseconds", "2.1 seconds", "5 minutes". */
export function duration(seconds) {
  if (seconds > 0 && seconds < 0.9995) return unit(Math.max(1, Math.round(seconds * 1000)), "millisecond", 0)
  if (seconds < 9.95) return unit(seconds, "second", 1)
  if (seconds < 90) return unit(seconds, "second", 0)
  if (seconds < 5400) return unit(seconds / 60, "minute", 0)
  return unit(seconds / 3600, "hour", 1)
}

/** The time of day of a Date, with seconds. */
export const clockTime = (date) => date.toLocaleTimeString(language(), { hourCycle: "h23" })

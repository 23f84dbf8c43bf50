// The catalogue: every text that a person reads or hears, one folder a language, one file a view.

import { settings } from "./settings.js"

const LOCALES = { en: "en-GB", de: "de-DE" } // of dates: the day before the month, 24 hours
const PARTS = ["common", "read", "listen", "learn", "review", "watch"]

let texts = {}
let plurals = new Intl.PluralRules("en")
let numbers = new Intl.NumberFormat("en")

/** The language in use. */
export const language = () => settings.language

/** Load the catalogue of the chosen language. */
export async function loadTexts() {
  const files = await Promise.all(PARTS.map((part) => import(`/app/texts/${settings.language}/${part}.js`)))
  texts = Object.assign({}, ...files.map((file) => file.default))
  plurals = new Intl.PluralRules(settings.language)
  numbers = new Intl.NumberFormat(settings.language)
  document.documentElement.lang = settings.language
}

/**
 * A text with its {name}s filled in; numbers are written as the language does. A text that depends on a count is an
 * object {one, other}, chosen by values.count. Throws if the catalogue lacks it.
 */
export function t(key, values = {}) {
  let text = texts[key]
  if (text === undefined) throw new Error(`expected a text for "${key}" in ${settings.language}, got none; add it to texts/`)
  if (typeof text === "object") text = text[plurals.select(values.count)] ?? text.other
  return text.replace(/\{(\w+)\}/g, (_, name) => (typeof values[name] === "number" ? numbers.format(values[name]) : values[name]))
}

/** A number with at most so many digits after the point. */
export const number = (value, digits = 0) => new Intl.NumberFormat(settings.language, { maximumFractionDigits: digits }).format(value)

/** Sentences of a voice, one after the other; what is empty is left out. */
export const sentences = (...parts) =>
  parts.filter(Boolean).map((part) => (/[.!?…]$/.test(part) ? part : `${part}.`)).join(" ")

/** A day, the month in letters, so that nobody takes it for another: 29 Nov 2026. */
export const day = (date) => dated(date, {})

/** The same with the time: 29 Nov 2026, 00:53. */
export const when = (date) => dated(date, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" })

function dated(date, time) {
  return new Intl.DateTimeFormat(LOCALES[settings.language], { day: "numeric", month: "short", year: "numeric", ...time }).format(date)
}

/** A share of 0 to 1 in per cent, as the language writes it. */
export function percent(share, digits = 0) {
  return new Intl.NumberFormat(settings.language, { style: "percent", maximumFractionDigits: digits }).format(share)
}

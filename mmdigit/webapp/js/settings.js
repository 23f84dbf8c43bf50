// What a person has chosen. Kept on this device alone.

import { slot } from "./storage.js"

export const LANGUAGES = { en: "English", de: "Deutsch" }
export const LONGEST_NAME = 64 // of a clerk, as the gateway takes it

const kept = slot(() => localStorage, "mmdigit.settings")
const DEFAULTS = {
  language: "", // of the texts; "" until one is chosen: the browser's, or English
  theme: "auto", // auto, light, dark
  contrast: "auto", // auto, more
  motion: "auto", // auto, less
  speak: false, // answers aloud
  readBack: true, // numbers aloud, in Listen
  where: "gateway", // who reads: gateway, or page: nothing leaves the device
  name: "", // of the clerk, where nobody logs in
}

/** The choices. Change them by `choose`. */
export const settings = { ...DEFAULTS, ...stored() }
if (!Object.hasOwn(LANGUAGES, settings.language)) settings.language = navigator.language?.startsWith("de") ? "de" : "en"

/** Change settings, keep them, apply them, and tell whoever listens for "settings" on the window. */
export function choose(changes) {
  Object.assign(settings, changes)
  kept.write({ ...stored(), ...changes }) // another tab may have changed others
  apply()
  window.dispatchEvent(new CustomEvent("settings", { detail: changes }))
}

/** Whether things may move. */
export const mayMove = () =>
  settings.motion !== "less" && !window.matchMedia("(prefers-reduced-motion: reduce)").matches

/** Show theme, contrast and motion as chosen, or as the system has them. */
export function apply() {
  const root = document.documentElement
  const dark = settings.theme === "dark" || (settings.theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches)
  const more = settings.contrast === "more" || matchMedia("(prefers-contrast: more)").matches
  root.dataset.theme = dark ? "dark" : "light"
  root.dataset.contrast = more ? "more" : "auto"
  root.dataset.motion = mayMove() ? "auto" : "less"
}

for (const query of ["(prefers-color-scheme: dark)", "(prefers-contrast: more)", "(prefers-reduced-motion: reduce)"]) {
  matchMedia(query).addEventListener("change", apply)
}

function stored() {
  const known = Object.entries(kept.read() ?? {}).filter(([name, value]) => typeof value === typeof DEFAULTS[name])
  return Object.fromEntries(known.map(([name, value]) => [name, name === "name" ? value.slice(0, LONGEST_NAME) : value]))
}

// Tells a screen reader something a little later: what is announced while the focus moves is often not heard.

import { announce } from "./dom.js"

const AFTER_FOCUS_MS = 300

let timer = 0

/** Announce it after ms, in place of what still waits to be announced. */
export function announceLater(text, ms = AFTER_FOCUS_MS) {
  clearTimeout(timer)
  timer = setTimeout(() => announce(text), ms)
}

/** Do not announce what still waits. */
export const dropAnnouncement = () => clearTimeout(timer)

// The app without a network: has the service worker keep it, and shows in the settings what is kept.

import { announce, h } from "./dom.js"
import { settings } from "./settings.js"
import { t } from "./texts.js"
import { scriptUrl } from "./trusted.js"

const MEGABYTE = 1e6

// What is known: keeping, a share of 0 to 1; kept, as the service worker says it; failed, after an error.
let state = { keeping: null, kept: null, failed: false }

/** Whether this browser can keep the app here: it takes an https address or localhost. */
export const canKeep = () => "serviceWorker" in navigator

/** Whether the app is known to be kept here. */
export const isKept = () => state.kept !== null

/** Start the service worker and let it keep the app, unless the browser is to save data. */
export async function startOffline() {
  if (!canKeep()) return
  window.addEventListener("settings", (event) => {
    if ("language" in event.detail && state.kept) keep() // with the clips of that language
  })
  try {
    await navigator.serviceWorker.register(scriptUrl("/service-worker.js"), { updateViaCache: "none" })
    know({ kept: await ask({}) })
    if (state.kept || !navigator.connection?.saveData) await keep()
  } catch {
    know({ failed: true })
  }
}

/** Keep the gateway's version, with the clips of the chosen language. Says when the app is ready for the first time. */
export async function keep() {
  const before = state.kept
  know({ keeping: 0, failed: false })
  try {
    const kept = await ask({ keep: settings.language }, ({ done, total }) => know({ keeping: done / total }))
    know({ keeping: null, kept })
    if (!before && !document.querySelector("dialog .offline")) announce(t("common.offline.ready"))
  } catch {
    know({ keeping: null, failed: true })
  }
}

/** The part of the settings that shows it, and tells it by itself. */
export function offlinePanel() {
  const panel = h("fieldset", { class: "offline" },
    h("legend", {}, t("common.offline")),
    h("p", { role: "status", tabindex: "-1" }),
    h("progress", { max: "1", "aria-label": t("common.offline.keeping") }),
    h("button", { type: "button", on: { click: keep } }, t("common.offline.keep")))
  show(panel)
  return panel
}

function know(changes) {
  state = { ...state, ...changes }
  const panel = document.querySelector("dialog .offline")
  if (panel) show(panel)
}

function show(panel) {
  const [line, bar, button] = panel.querySelectorAll("p, progress, button")
  const text = words()
  if (line.textContent !== text) line.textContent = text
  bar.hidden = state.keeping === null
  bar.value = state.keeping ?? 0
  const hide = !canKeep() || state.keeping !== null || (state.kept !== null && !state.failed)
  if (hide && button === document.activeElement) line.focus()
  button.hidden = hide
}

function words() {
  if (!canKeep()) return t("common.offline.cannot")
  if (state.keeping !== null) return t("common.offline.keeping")
  if (state.failed) return t(state.kept ? "common.offline.old" : "common.offline.failed")
  return state.kept ? t("common.offline.kept", { size: Math.ceil(state.kept.bytes / MEGABYTE) }) : t("common.offline.none")
}

/** What the service worker answers; onProgress({done, total}) meanwhile. Rejects with its error. */
async function ask(message, onProgress = () => {}) {
  const { active } = await navigator.serviceWorker.ready
  const { port1, port2 } = new MessageChannel()
  return new Promise((resolve, reject) => {
    port1.onmessage = ({ data }) => {
      if ("done" in data) return onProgress(data)
      port1.close()
      if ("kept" in data) resolve(data.kept)
      else reject(new Error(data.error))
    }
    active.postMessage(message, [port2])
  })
}

// Takes a photograph: a live picture with a square to hold the digit in, or an oblong for a number. What it shows is the
// photograph.

import { jpeg } from "./canvas.js"
import { h } from "./dom.js"
import { t } from "./texts.js"

export const GUIDE = 0.62 // side of the square, of the picture's shorter side; css/read.css draws it
const LINE = [0.9, 0.3] // sides of the oblong, of the picture's; css/read.css draws it
const PHOTO_SIDE = 480 // pixels
const LINE_SIDE = 1600

/**
 * Let somebody take a photograph. of: "digit", or "line" for a number; words: the texts that say so. Resolves with a Blob,
 * or null if they close the camera, or once signal ends it.
 */
export function photograph(signal, { of = "digit", words = { title: "read.camera.title", hold: "read.camera.hold" } } = {}) {
  return new Promise((resolve) => {
    let stream = null
    let photo = null
    const video = h("video", { autoplay: true, playsinline: true, muted: true, "aria-label": t("read.camera.live") })
    video.muted = true
    const guide = h("div", { class: `read-guide ${of}`, "aria-hidden": "true" })
    const state = h("p", { role: "status" }, t("read.camera.starting"))
    const shutter = h("button", { type: "button", class: "main", disabled: true, on: { click: shoot } }, t("read.camera.shoot"))
    const close = h("button", { type: "button", on: { click: () => dialog.close() } }, t("read.camera.cancel"))
    const dialog = h("dialog", { class: "read-camera", "aria-labelledby": "camera-title" },
      h("h2", { id: "camera-title" }, t(words.title)),
      h("div", { class: "read-viewfinder" }, video, guide),
      state,
      h("div", { class: "row" }, shutter, close))

    async function open() {
      try {
        if (!navigator.mediaDevices) throw new DOMException("not a secure context", "NotAllowedError")
        const wanted = { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 960 } }
        stream = await navigator.mediaDevices.getUserMedia({ video: wanted })
        if (!dialog.open) return stop()
        video.srcObject = stream
        await video.play()
        shutter.disabled = false
        shutter.focus()
        state.textContent = t(words.hold)
      } catch (error) {
        if (!dialog.open) return
        video.parentElement.hidden = shutter.hidden = true
        state.textContent = error.name === "NotAllowedError" ? t("read.camera.denied") : t("read.camera.none")
        close.focus()
      }
    }

    async function shoot() {
      const { videoWidth, videoHeight } = video
      const square = GUIDE * Math.min(videoWidth, videoHeight)
      const [wide, tall] = of === "line" ? [LINE[0] * videoWidth, LINE[1] * videoHeight] : [square, square]
      const scale = of === "line" ? Math.min(1, LINE_SIDE / Math.max(wide, tall)) : PHOTO_SIDE / square
      const canvas = document.createElement("canvas")
      canvas.width = Math.round(scale * wide)
      canvas.height = Math.round(scale * tall)
      const from = [(videoWidth - wide) / 2, (videoHeight - tall) / 2, wide, tall]
      canvas.getContext("2d").drawImage(video, ...from, 0, 0, canvas.width, canvas.height)
      shutter.disabled = true
      photo = await jpeg(canvas)
      dialog.close()
    }

    function stop() {
      for (const track of stream?.getTracks() ?? []) track.stop()
    }

    dialog.addEventListener("close", () => {
      stop()
      dialog.remove()
      resolve(photo)
    })
    signal.addEventListener("abort", () => dialog.close())
    document.body.append(dialog)
    dialog.showModal()
    close.focus()
    open()
  })
}

// Reads digits in the page alone, by a Web Worker that loads the model once: nothing leaves the device.

import { scriptUrl } from "../trusted.js"
import { ModelError } from "./fetching.js"

const WORKER = "/app/js/model/worker.js"
const LOAD_MS = 300_000 // 8 MB over a slow network
const ANSWER_MS = 120_000 // for a part of the work; a worker that the browser has ended, short of memory, tells nobody

let running = null

/**
 * Read one digit. image: Float32Array(784), range [0, 1], 1 = ink, or null; waveform: Float32Array(8000), range [-1, 1],
 * or null; reasons: for review, that the image shows; photographed: as readDigit of image.js says. Resolves with the prediction as the gateway's JSON has it. Rejects
 * with a ModelError if the page cannot read now; the next call tries again.
 */
export function readInPage({ image = null, waveform = null, reasons = [], photographed = false }) {
  running ??= start()
  return running.ask({ image, waveform, reasons, photographed })
}

/**
 * Read a number that is spoken. recording: Float32Array, as readSpoken of numbers/spoken_reader.js takes it; count: how many
 * digits it has, null = unknown. onShare: hears how much is done, 0 to 1. Resolves with the number as readSpoken has it, and
 * its model_version. Rejects as readInPage does, and with code "too_long".
 */
export function hearInPage(recording, count, onShare = () => {}) {
  running ??= start()
  return running.ask({ recording, count }, onShare)
}

/**
 * Read a number that is written in one line. picture: {pixels} with red, green, blue and alpha, {width, height, data:
 * Uint8Array}, or {grey} as readWritten of numbers/written_reader.js takes it. count, onShare: as for hearInPage. Resolves
 * with the number as readWritten has it, and its model_version. Rejects as readInPage does.
 */
export function readLineInPage(picture, count, onShare = () => {}) {
  running ??= start()
  return running.ask({ ...picture, count }, onShare)
}

/** Load the model before somebody waits for it. Rejects as readInPage does. */
export function prepare() {
  running ??= start()
  return running.ready
}

function start() {
  const worker = new Worker(scriptUrl(WORKER), { type: "module" })
  const waiting = new Map() // by number
  let [loaded, count, timer, opened] = [false, 0, null, null]
  const ready = new Promise((resolve, reject) => (opened = { resolve, reject }))
  ready.catch(() => {}) // whoever asked hears of it

  function watch() {
    clearTimeout(timer)
    if (loaded && waiting.size === 0) return
    timer = setTimeout(() => end(stopped("no answer")), loaded ? ANSWER_MS : LOAD_MS)
  }

  function end(error) {
    if (running?.worker === worker) running = null
    clearTimeout(timer)
    worker.terminate()
    opened.reject(error)
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }

  worker.addEventListener("error", (event) => end(stopped(event.message ?? "no script")))
  worker.addEventListener("message", ({ data }) => {
    if (data.failed) return end(new ModelError(data.failed.code, data.failed.message))
    if (data.ready) {
      loaded = true
      opened.resolve()
    } else {
      const { resolve, reject, onShare } = waiting.get(data.number)
      if ("share" in data) onShare(data.share)
      else {
        waiting.delete(data.number)
        if (data.answer) resolve(data.answer)
        else reject(Object.assign(new Error(data.error), data.code && { code: data.code }))
      }
    }
    watch()
  })
  watch()
  return {
    worker,
    ready,
    ask: (input, onShare = () => {}) =>
      new Promise((resolve, reject) => {
        waiting.set(++count, { resolve, reject, onShare })
        worker.postMessage({ number: count, input })
        if (waiting.size === 1) watch()
      }),
  }
}

const stopped = (got) => new ModelError("stopped", `expected the page's reader to answer, got an error (${got}); try again`)

// The Web Worker of reader.js. It takes {number, input}; it gives {ready}, {failed} if the model cannot be loaded, and
// for each input {number, answer} or {number, error, code}, in order; before it {number, share} while a long one goes on.

import { toGrey } from "../decoding/colour.js"
import { fillTransparent } from "../decoding/transparency.js"
import { readSpoken } from "../numbers/spoken_reader.js"
import { readWritten } from "../numbers/written_reader.js"
import { fetchFile } from "./fetching.js"
import { loadListener, loadModel } from "./session.js"

const loading = loadModel()
const kept = new Map() // by name: a promise of what is fitted to the model, and of the listener
let last = loading.then(
  () => self.postMessage({ ready: true }),
  (error) => self.postMessage({ failed: { code: error.code ?? "stopped", message: error.message } }),
)

self.addEventListener("message", ({ data: { number, input } }) => {
  last = last.then(async () => {
    try {
      const answer = await answerTo(input, (share) => self.postMessage({ number, share }))
      self.postMessage({ number, answer })
    } catch (error) {
      self.postMessage({ number, error: error.message, code: error.code })
    }
  })
})

async function answerTo(input, onShare) {
  const model = await loading
  if (input.recording) {
    const calibration = await fittedTo("spoken_calibration.json")
    const listenToAll = await listener(calibration.listener_sha256)
    const heard = await readSpoken(input.recording, input.count, { listen: model.listen, listenToAll, calibration, onShare })
    return { ...heard, model_version: model.version }
  }
  if (input.grey || input.pixels) {
    const lines = await fittedTo("written.json")
    const bar = lines.model_version === model.version ? lines.accept : 1
    const grey = input.grey ?? toGrey(fillTransparent(input.pixels))
    const seen = await readWritten(grey, input.count, { ...model, fitted: lines, bar, onShare })
    return { ...seen, model_version: model.version }
  }
  return model.predict(input)
}

const fittedTo = (name) =>
  once(name, () => fetchFile(`/app/model/${name}`).then((content) => JSON.parse(new TextDecoder().decode(content))))

const listener = (sha256) => once("listener", () => loadListener(sha256))

function once(name, load) {
  if (!kept.has(name)) {
    const coming = load()
    coming.catch(() => kept.delete(name)) // the next time it may come
    kept.set(name, coming)
  }
  return kept.get(name)
}

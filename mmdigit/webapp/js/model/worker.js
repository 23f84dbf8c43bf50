// The Web Worker of reader.js. It takes {number, input}; it gives {ready}, {failed} if the model cannot be loaded, and
// for each input {number, prediction} or {number, error}, in order.

import { loadModel } from "./session.js"

const loading = loadModel()
let last = loading.then(
  () => self.postMessage({ ready: true }),
  (error) => self.postMessage({ failed: { code: error.code ?? "stopped", message: error.message } }),
)

self.addEventListener("message", ({ data: { number, input } }) => {
  last = last.then(async () => {
    try {
      const predict = await loading
      self.postMessage({ number, prediction: await predict(input) })
    } catch (error) {
      self.postMessage({ number, error: error.message })
    }
  })
})

// The model that ships, run by ONNX Runtime Web. Equal to mmdigit/reading/predictor.py. For a worker.

import * as ort from "/app/vendor/ort.wasm.min.mjs"

import { loadCrossedOut } from "./crossed_out.js"
import { decide, labelOf, sigmoid, softmax } from "./decision.js"
import { ModelError, fetchFile } from "./fetching.js"
import { thresholdsOf } from "./metadata.js"

const MODEL = "/app/model/mmdigit.onnx"
const METADATA = "/app/model/mmdigit.json"
const IMAGE_SIDE = 28
const N_SAMPLES = 8000

ort.env.wasm.numThreads = 1 // more would need an isolated page, and the model is small
ort.env.wasm.wasmPaths = {
  mjs: "/app/vendor/ort-wasm-simd-threaded.mjs",
  wasm: "/app/vendor/ort-wasm-simd-threaded.wasm",
}
ort.env.logLevel = "error"

/** A function from {image, waveform, reasons} to a prediction, as readInPage of reader.js has them. Throws ModelError. */
export async function loadModel() {
  if (typeof WebAssembly === "undefined" || !crypto.subtle) {
    throw new ModelError("unsupported", "expected WebAssembly and an https address or localhost, got a page without; let the gateway read")
  }
  const metadata = JSON.parse(new TextDecoder().decode(await fetchFile(METADATA)))
  const [content, isCrossedOut] = await Promise.all([fetchFile(MODEL, metadata.sha256), loadCrossedOut()])
  let session
  try {
    session = await ort.InferenceSession.create(content, { executionProviders: ["wasm"] })
  } catch (error) {
    throw new ModelError("unsupported", `expected ONNX Runtime to start, got an error (${error.message}); let the gateway read`)
  }
  const thresholds = thresholdsOf(metadata)
  const predict = async ({ image, waveform, reasons }) => {
    const outputs = await session.run(feed(image, waveform))
    const seen = image && isCrossedOut(image) ? [...reasons, "struck_out"] : reasons
    return answer(outputs, { image, waveform, reasons: seen }, metadata, thresholds)
  }
  await predict({ image: new Float32Array(IMAGE_SIDE ** 2), waveform: new Float32Array(N_SAMPLES), reasons: [] }) // warms up
  return predict
}

function feed(image, waveform) {
  if (!image && !waveform) throw new Error("expected an image, a waveform or both, got neither")
  return {
    image: tensor("image", image, [1, 1, IMAGE_SIDE, IMAGE_SIDE]),
    image_present: new ort.Tensor("float32", [image ? 1 : 0], [1]),
    waveform: tensor("waveform", waveform, [1, N_SAMPLES]),
    audio_present: new ort.Tensor("float32", [waveform ? 1 : 0], [1]),
  }
}

function tensor(name, values, shape) {
  const length = shape.reduce((product, side) => product * side, 1)
  if (values && values.length !== length) throw new Error(`expected ${name} of ${length} values, got ${values.length}`)
  if (values && !values.every(Number.isFinite)) throw new Error(`expected finite values in ${name}, got NaN or infinity`)
  return new ort.Tensor("float32", values ?? new Float32Array(length), shape)
}

/** The prediction in JSON as the gateway gives it: a head that was not asked is missing. */
function answer(outputs, { image, waveform, reasons }, metadata, thresholds) {
  const shares = (head) => softmax(outputs[`${head}_logits`].data, metadata.temperature[head])
  const novelties = (head) => sigmoid(outputs[`${head}_novelty_logit`].data[0])
  const seen = image ? shares("image") : null
  const heard = waveform ? shares("audio") : null
  const fused = image && waveform ? shares("fused") : null
  const novelty = { image: image ? novelties("image") : null, audio: waveform ? novelties("audio") : null }
  const final = fused ?? seen ?? heard
  return {
    ...headAnswer(final, true),
    ...(seen && { image: headAnswer(seen, fused !== null) }),
    ...(heard && { audio: headAnswer(heard, fused !== null) }),
    ...(fused && { fused: headAnswer(fused, false) }),
    novelty: Math.max(novelty.image ?? 0, novelty.audio ?? 0),
    ...decide(seen, heard, fused, novelty, thresholds, reasons),
    model_version: metadata.model_version,
  }
}

function headAnswer(probabilities, withAll) {
  const label = labelOf(probabilities)
  return { label, confidence: probabilities[label], ...(withAll && { probabilities }) }
}

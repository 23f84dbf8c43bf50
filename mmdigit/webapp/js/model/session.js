// The model that ships, run by ONNX Runtime Web. Equal to mmdigit/reading/predictor.py. For a worker.

import * as ort from "/app/vendor/ort.wasm.min.mjs"

import { columns, padded } from "../numbers/frame_evidence.js"
import { N_WORDS } from "../numbers/number_words.js"
import { loadCrossedOut } from "./crossed_out.js"
import { decide, labelOf, sigmoid, softmax } from "./decision.js"
import { ModelError, fetchFile } from "./fetching.js"
import { imageHeadOf, thresholdsOf } from "./metadata.js"

const MODEL = "/app/model/mmdigit.onnx"
const METADATA = "/app/model/mmdigit.json"
const LISTENER = "/app/model/spoken.onnx"
const IMAGE_SIDE = 28
const N_SAMPLES = 8000
const N_DIGITS = 10
const SOUND_OUTPUTS = ["audio_logits", "audio_novelty_logit"]
const IMAGE_OUTPUTS = ["image_logits", "image_novelty_logit"]

ort.env.wasm.numThreads = 1 // more would need an isolated page, and the model is small
ort.env.wasm.wasmPaths = {
  mjs: "/app/vendor/ort-wasm-simd-threaded.mjs",
  wasm: "/app/vendor/ort-wasm-simd-threaded.wasm",
}
ort.env.logLevel = "error"

/**
 * The model: predict takes {image, waveform, reasons, photographed} and gives a prediction, as readInPage of reader.js has
 * them; listen takes waveforms and gives {probabilities, novelty}, as listenToSpans of numbers/spoken.js has them; look takes
 * images and gives {probabilities, noveltyLogits}, as readWritten of numbers/written_reader.js has them, and isCrossedOut and
 * mostNovelty too. Throws ModelError.
 */
export async function loadModel() {
  if (typeof WebAssembly === "undefined" || !crypto.subtle) {
    throw new ModelError("unsupported", "expected WebAssembly and an https address or localhost, got a page without; let the gateway read")
  }
  const metadata = JSON.parse(new TextDecoder().decode(await fetchFile(METADATA)))
  const [content, isCrossedOut] = await Promise.all([fetchFile(MODEL, metadata.sha256), loadCrossedOut()])
  const session = await start(content)
  const thresholds = { plain: thresholdsOf(metadata, false), photographed: thresholdsOf(metadata, true) }
  const predict = async ({ image, waveform, reasons, photographed = false }) => {
    const outputs = await session.run(feed(image, waveform))
    const seen = image && isCrossedOut(image) ? [...reasons, "struck_out"] : reasons
    const limits = thresholds[photographed ? "photographed" : "plain"]
    return answer(outputs, { image, waveform, reasons: seen, photographed }, metadata, limits)
  }
  await predict({ image: new Float32Array(IMAGE_SIDE ** 2), waveform: new Float32Array(N_SAMPLES), reasons: [] }) // warms up
  const listen = async (waveforms) => {
    const { audio_logits: logits, audio_novelty_logit: novelty } = await session.run(feedSounds(waveforms), SOUND_OUTPUTS)
    return { probabilities: rowsOf(logits, metadata.temperature.audio), novelty: Array.from(novelty.data, sigmoid) }
  }
  const look = async (images) => {
    const { image_logits: logits, image_novelty_logit: novelty } = await session.run(feedImages(images), IMAGE_OUTPUTS)
    return { probabilities: rowsOf(logits, metadata.temperature.image), noveltyLogits: Array.from(novelty.data) }
  }
  return {
    predict, listen, look, isCrossedOut, version: metadata.model_version, mostNovelty: thresholds.plain.novelty.image,
  }
}

/**
 * The listener of spoken numbers: takes a waveform and gives {ofDigits, ofWords}, as heardEnds and spanLogOdds of
 * frame_evidence.js and findNumberWords of number_words.js have them. sha256: of its file.
 * Throws ModelError.
 */
export async function loadListener(sha256) {
  const session = await start(await fetchFile(LISTENER, sha256))
  return async (waveform) => {
    const whole = padded(waveform)
    const { log_odds: logOdds } = await session.run({ waveform: tensor("waveform", whole, [1, whole.length]) })
    const width = N_DIGITS + N_WORDS
    return {
      ofDigits: columns(logOdds.data, width, 0, N_DIGITS),
      ofWords: columns(logOdds.data, width, N_DIGITS, width),
    }
  }
}

async function start(content) {
  try {
    return await ort.InferenceSession.create(content, { executionProviders: ["wasm"] })
  } catch (error) {
    throw new ModelError("unsupported", `expected ONNX Runtime to start, got an error (${error.message}); let the gateway read`)
  }
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

/** Several sounds without an image: the encoder of images runs once for all. */
function feedSounds(waveforms) {
  const { image, image_present: none } = feed(null, waveforms[0])
  return { image, image_present: none, waveform: several("waveform", waveforms, [N_SAMPLES]), audio_present: present(waveforms) }
}

/** The same of images without a sound. */
function feedImages(images) {
  const { waveform, audio_present: none } = feed(images[0], null)
  return { image: several("image", images, [1, IMAGE_SIDE, IMAGE_SIDE]), image_present: present(images), waveform, audio_present: none }
}

const present = (all) => new ort.Tensor("float32", new Float32Array(all.length).fill(1), [all.length])

function several(name, all, shape) {
  const values = new Float32Array(all.length * all[0].length)
  all.forEach((each, number) => values.set(each, number * each.length))
  return tensor(name, values, [all.length, ...shape])
}

/** The probabilities of each row of logits, (B, 10). */
const rowsOf = ({ data, dims: [count] }, temperature) =>
  Array.from({ length: count }, (_, row) => softmax(data.subarray(N_DIGITS * row, N_DIGITS * (row + 1)), temperature))

function tensor(name, values, shape) {
  const length = shape.reduce((product, side) => product * side, 1)
  if (values && values.length !== length) throw new Error(`expected ${name} of ${length} values, got ${values.length}`)
  if (values && !values.every(Number.isFinite)) throw new Error(`expected finite values in ${name}, got NaN or infinity`)
  return new ort.Tensor("float32", values ?? new Float32Array(length), shape)
}

/** The prediction in JSON as the gateway gives it: a head that was not asked is missing. */
function answer(outputs, { image, waveform, reasons, photographed }, metadata, thresholds) {
  const temperature = { ...metadata.temperature, image: imageHeadOf(metadata, photographed).temperature }
  const shares = (head) => softmax(outputs[`${head}_logits`].data, temperature[head])
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

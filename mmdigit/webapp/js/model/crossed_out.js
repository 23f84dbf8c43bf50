// Detects crossed-out digits with a small network. Equal to mmdigit/reading/image/crossed_out.py, which explains it.

import { ModelError, fetchFile } from "./fetching.js"
import { readNpz } from "./npz.js"

const WEIGHTS = "/app/model/crossed_out.npz"
const SHA256 = "1c19333407aa269616187799e20071226118dc12b3d0547d80a87e3d5a53c962" // of WEIGHTS, as Python pins it
const SIDE = 28
const [FIRST, SECOND, HIDDEN] = [16, 32, 32] // channels of the convolutions, width of the dense layer
const SHAPES = {
  first: [25, FIRST],
  first_bias: [FIRST],
  second: [9 * FIRST, SECOND],
  second_bias: [SECOND],
  hidden: [25 * SECOND, HIDDEN],
  hidden_bias: [HIDDEN],
  last: [HIDDEN],
  last_bias: [],
}

/** A function that says whether an image, (784,), range [0, 1], 1 = ink, shows a crossed-out digit. Throws ModelError. */
export async function loadCrossedOut() {
  const arrays = await readNpz(await fetchFile(WEIGHTS, SHA256))
  for (const [name, shape] of Object.entries(SHAPES)) {
    const got = arrays[name]?.shape ?? "none"
    if (`${got}` !== `${shape}`) throw new ModelError("damaged", `expected weights ${name} of shape ${shape}, got ${got}`)
  }
  const weights = Object.fromEntries(Object.entries(arrays).map(([name, { values }]) => [name, values]))
  return (image) => logit(weights, image) > 0
}

function logit(weights, image) {
  let maps = { side: SIDE, channels: 1, values: image }
  maps = convolve(maps, 5, weights.first, weights.first_bias) // (12, 12, FIRST)
  maps = convolve(maps, 3, weights.second, weights.second_bias) // (5, 5, SECOND)
  const hidden = dense(maps.values, weights.hidden, weights.hidden_bias)
  return hidden.reduce((sum, value, row) => sum + value * weights.last[row], weights.last_bias[0])
}

/** Convolution of stride 2 without padding, then ReLU. maps.values: (side, side, channels). */
function convolve({ side, channels, values }, width, kernel, bias) {
  const out = Math.floor((side - width) / 2) + 1
  const results = new Float32Array(out * out * bias.length)
  const window = new Float32Array(width * width * channels)
  for (let row = 0; row < out; row++) {
    for (let column = 0; column < out; column++) {
      for (let down = 0; down < width; down++) {
        const start = ((2 * row + down) * side + 2 * column) * channels
        window.set(values.subarray(start, start + width * channels), down * width * channels)
      }
      results.set(dense(window, kernel, bias), (row * out + column) * bias.length)
    }
  }
  return { side: out, channels: bias.length, values: results }
}

/** A dense layer, then ReLU. weights: (inputs, outputs). */
function dense(inputs, weights, bias) {
  const sums = Float64Array.from(bias)
  for (let row = 0; row < inputs.length; row++) {
    if (inputs[row] === 0) continue
    for (let column = 0; column < sums.length; column++) sums[column] += inputs[row] * weights[row * sums.length + column]
  }
  return Float32Array.from(sums, (sum) => Math.max(sum, 0))
}

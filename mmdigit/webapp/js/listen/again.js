// A digit that is said once more: alone, or as "no, seven".

import { SAMPLE_RATE_HZ } from "../decoding/frames.js"
import { speechWindow } from "../decoding/speech.js"
import { hearInPage, readInPage } from "../model/reader.js"

const AROUND_S = 0.1 // kept before and after the digit

/** The prediction, as readInPage of model/reader.js gives it. waveform: Float32Array, 8 kHz, range [-1, 1]. */
export async function hearAgain(waveform) {
  const whole = await readInPage({ waveform: speechWindow(waveform) })
  if (whole.decision === "accept") return whole
  const { digits } = await hearInPage(waveform, 1).catch(() => ({ digits: [] })) // for instance with too much speech
  if (digits.length !== 1) return whole
  const [from, to] = [digits[0].start_s - AROUND_S, digits[0].end_s + AROUND_S].map((second) => Math.round(second * SAMPLE_RATE_HZ))
  const part = await readInPage({ waveform: speechWindow(waveform.subarray(Math.max(0, from), to)) })
  return part.confidence > whole.confidence ? part : whole
}

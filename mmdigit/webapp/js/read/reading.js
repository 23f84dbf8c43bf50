// Reads one digit that was written, spoken or both: by the gateway, or in the page alone, as the settings say.

import { ApiError } from "../api.js"
import { readDigit } from "../decoding/image.js"
import { greyOf } from "../decoding/pixels.js"
import { waveformOf } from "../decoding/sound.js"
import { speechWindow } from "../decoding/speech.js"
import { ModelError } from "../model/fetching.js"
import { readInPage } from "../model/reader.js"
import { isKept } from "../offline.js"
import { settings } from "../settings.js"
import { askGateway } from "./gateway.js"

/**
 * Read a picture and a sound, each a Blob or null, not both null. signal ends it; onAway(true) is told once the
 * gateway does not answer, onAway(false) once it does again, until when it is asked again and again. A page that is
 * kept on this device does not wait for it: it reads in its place.
 *
 * Returns {prediction, inPlace, image28, waveform}: the gateway's prediction, whether the page read in the gateway's
 * place, and what the model saw and heard: Float32Array(784) and Float32Array(8000), or null. Throws an Error with a code: "unreadable_picture", or those of decoding/sound.js and
 * model/reader.js; ApiError for what the gateway refuses; ReadingError for a job that can never succeed.
 */
export async function read({ picture, sound }, { signal = null, onAway = () => {} } = {}) {
  const [seen, waveform] = await Promise.all([picture && seenIn(picture), sound && heardIn(sound)])
  const input = { image: seen?.image ?? null, waveform, reasons: seen?.reasons ?? [], photographed: seen?.photographed }
  const found =
    settings.where === "page"
      ? { prediction: await readInPage(input), inPlace: false }
      : await readByGateway({ picture, sound, signal, onAway }, input)
  signal?.throwIfAborted()
  return { ...found, image28: input.image, waveform }
}

async function readByGateway(asked, input) {
  try {
    return { prediction: await askGateway({ ...asked, waits: () => !isKept() }), inPlace: false }
  } catch (error) {
    if (!(error instanceof ApiError && error.passes)) throw error
  }
  try {
    return { prediction: await readInPage(input), inPlace: true }
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
    return { prediction: await askGateway(asked), inPlace: false }
  }
}

async function seenIn(picture) {
  try {
    return readDigit(await greyOf(picture))
  } catch (error) {
    throw Object.assign(new Error(error.message, { cause: error }), { code: "unreadable_picture" })
  }
}

const heardIn = async (sound) => speechWindow(await waveformOf(sound))

// Decodes a sound file to a waveform: WAV files of this page exactly as mmdigit/reading/audio does, all others by the
// browser, whose resampling differs a little from Python's.

import { toMono } from "./channels.js"
import { declaredSeconds } from "./declared.js"
import { SAMPLE_RATE_HZ, peakLevel } from "./frames.js"
import { soundError } from "./sound_error.js"
import { levelled } from "./speech.js"
import { readWav } from "./wav.js"

// As schemas/job.py and mmdigit/reading/audio/limits.py have them.
const MEGABYTE = 1024 * 1024
const MIN_DURATION_S = 0.05
const ONE_DIGIT = { maxBytes: 2 * MEGABYTE, maxDurationS: 10, advice: "take one digit a clip" }
export const RECORDING = { maxBytes: 32 * MEGABYTE, maxDurationS: 60, advice: "cut the recording" }
const OPUS_SLACK_S = 1 // a stream may begin with what is not to be heard

/**
 * The sound of a Blob: Float32Array, mono at 8 kHz, range [-1, 1], without its mean. limits: RECORDING for more than one
 * digit. Throws an Error with code "silent", "too_long" or "unreadable".
 */
export async function waveformOf(blob, limits = ONE_DIGIT) {
  if (blob.size > limits.maxBytes) {
    throw soundError("too_long", `expected at most ${limits.maxBytes} bytes of sound, got ${blob.size}; ${limits.advice}`)
  }
  const bytes = new Uint8Array(await blob.arrayBuffer())
  checkNotLonger(declaredSeconds(bytes) - OPUS_SLACK_S, limits)
  const samples = readWav(bytes) ?? (await decoded(bytes.buffer))
  const seconds = samples.length / SAMPLE_RATE_HZ
  checkNotLonger(seconds, limits)
  if (seconds < MIN_DURATION_S) {
    throw soundError("unreadable", `expected at least ${MIN_DURATION_S} s of sound, got ${seconds} s; record the whole digit`)
  }
  return levelled(samples)
}

function checkNotLonger(seconds, { maxDurationS, advice }) {
  if (seconds <= maxDurationS) return
  throw soundError("too_long", `expected at most ${maxDurationS} s of sound, got more; ${advice}`)
}

/** The samples of any file that the browser decodes: Float32Array, mono at 8 kHz. */
async function decoded(buffer) {
  let sound
  try {
    sound = await new OfflineAudioContext(1, 1, SAMPLE_RATE_HZ).decodeAudioData(buffer)
  } catch (error) {
    throw soundError("unreadable", `expected a sound file, got one that this browser cannot decode (${error.message}); save it as WAV`)
  }
  if (sound.numberOfChannels > 2) {
    throw soundError("unreadable", `expected mono or stereo, got ${sound.numberOfChannels} channels; mix it down to mono`)
  }
  const channels = Array.from({ length: sound.numberOfChannels }, (_, number) => sound.getChannelData(number))
  const full = Math.max(1, ...channels.map(peakLevel)) // a lossy codec may exceed full scale
  return toMono(full > 1 ? channels.map((channel) => channel.map((sample) => sample / full)) : channels, SAMPLE_RATE_HZ)
}

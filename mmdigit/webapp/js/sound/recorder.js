// Records one spoken word, or a number: one press, speak; it finds the end itself.

import { SAMPLE_RATE_HZ } from "../decoding/frames.js"
import { soundError } from "../decoding/sound_error.js"
import { Endpoint, ONE_WORD } from "./endpoint.js"
import { wavOf } from "./wav.js"

const WORKLET = "/app/js/sound/capture-worklet.js"
// What a browser does to voices for telephony moves answers to review: all of it is off.
const AUDIO = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 }

/**
 * Record a word, or what limits of endpoint.js allow. onLevel: hears 0 to 1 about 50 times a second, for a meter. onState:
 * hears "waiting" once the microphone is on, and "speaking" when the word begins. signal: an AbortSignal that cancels;
 * finished: one that ends the recording, which keeps what was said.
 * Resolves with a WAV Blob, 8 kHz, 16 bits, mono. Rejects with an Error whose code is "denied", "no_microphone",
 * "no_speech", "not_started" or "cancelled". The microphone is off again in every case.
 */
export async function record({ limits = ONE_WORD, onLevel = () => {}, onState = () => {}, signal = null, finished = null } = {}) {
  if (signal?.aborted) throw cancelled()
  const stream = await openMicrophone(signal)
  const opened = []
  try {
    const { context, source } = connect(stream, opened)
    await begin(context)
    const samples = await listen({ context, source, stream, limits, onLevel, onState, signal, finished })
    return wavOf(context.sampleRate === SAMPLE_RATE_HZ ? samples : await resampled(samples, context.sampleRate), SAMPLE_RATE_HZ)
  } finally {
    stop(stream)
    for (const context of opened) context.close()
    onLevel(0)
  }
}

async function openMicrophone(signal) {
  try {
    const asked = navigator.mediaDevices.getUserMedia({ audio: AUDIO })
    return await new Promise((resolve, reject) => {
      asked.then(resolve, reject)
      signal?.addEventListener("abort", () => {
        reject(cancelled())
        asked.then(stop, () => {}) // leave may come after the person has gone on
      }, { once: true })
    })
  } catch (error) {
    if (error.code === "cancelled") throw error
    // Without a secure context there is no mediaDevices: TypeError.
    const denied = error.name === "NotAllowedError" || error.name === "SecurityError"
    throw denied
      ? soundError("denied", "expected leave to use the microphone, got none; allow it in the browser's settings of this page")
      : soundError("no_microphone", `expected a microphone, got none (${error.message}); connect one, or end what else uses it`)
  }
}

/** The microphone in an audio context of 8 kHz, or of the microphone's own rate where the browser resamples none. */
function connect(stream, opened) {
  for (const options of [{ sampleRate: SAMPLE_RATE_HZ }, {}]) {
    try {
      const context = new AudioContext(options)
      opened.push(context)
      return { context, source: context.createMediaStreamSource(stream) }
    } catch (error) {
      if (options.sampleRate === undefined) throw soundError("no_microphone", `expected sound from the microphone, got ${error.message}; try another`)
    }
  }
}

async function begin(context) {
  try {
    await context.audioWorklet.addModule(WORKLET)
    await context.resume()
  } catch (error) {
    throw soundError("not_started", `expected the recording to start, got ${error.message}; connect to the gateway and try again`)
  }
}

/** The samples of what is said, at the context's rate. */
function listen({ context, source, stream, limits, onLevel, onState, signal, finished }) {
  const capture = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" })
  const endpoint = new Endpoint(context.sampleRate, limits)
  const pieces = []
  let known = "" // the state that has been told
  return new Promise((resolve, reject) => {
    if (signal?.aborted) reject(cancelled())
    signal?.addEventListener("abort", () => reject(cancelled()), { once: true })
    for (const track of stream.getTracks()) {
      track.addEventListener("ended", () => reject(soundError("no_microphone", "expected the microphone to stay, got none; connect it again")))
    }
    const tell = (state) => {
      if (state === "done") resolve(cut(pieces, endpoint.span))
      else if (state === "no_speech") reject(soundError("no_speech", "expected a spoken digit, got none; speak nearer to the microphone"))
      else if (state !== known) onState((known = state))
    }
    finished?.addEventListener("abort", () => tell(endpoint.finish()), { once: true })
    capture.port.onmessage = ({ data }) => {
      pieces.push(data)
      const state = endpoint.push(data)
      onLevel(endpoint.level)
      tell(state)
    }
    source.connect(capture)
  }).finally(() => {
    capture.port.onmessage = null
    source.disconnect()
  })
}

function cut(pieces, { from, to }) {
  const all = new Float32Array(pieces.reduce((size, piece) => size + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    all.set(piece, at)
    at += piece.length
  }
  return all.slice(from, to)
}

/** The browser resamples what it decodes. */
async function resampled(samples, rateHz) {
  const file = await wavOf(samples, rateHz).arrayBuffer()
  return (await new OfflineAudioContext(1, 1, SAMPLE_RATE_HZ).decodeAudioData(file)).getChannelData(0)
}

const stop = (stream) => stream.getTracks().forEach((track) => track.stop())
const cancelled = () => soundError("cancelled", "expected a whole recording, got a request to end it")

// Where a digit of a spoken number may begin or end: where speech does, where it is quiet, and where it is heard.
// The same as mmdigit/numbers/boundaries.py, which says where the constants come from.

import { clip } from "../decoding/primitives/numbers.js"
import { percentiles } from "../decoding/percentiles.js"

export const FRAME = 80 // samples: 10 ms
const SMOOTHING = [0.25, 0.5, 1, 0.5, 0.25].map((weight) => weight / 2.5) // over neighbouring frames' power
const RANGE_DB = 35
const HEADROOM_DB = 15
const NOISE_DB = 6
const CLOSEST = 3 // frames
const AROUND = 2 // frames

/**
 * {frames, quiet, heard, loudness, level, speech, totalSpeech}: Int32Array(K) of frames of 10 ms, rising; Uint8Array(K),
 * where speech begins, ends or dips, and where a digit is heard to begin or end; Float64Array(K), the loudness of each, range
 * [0, 1]; Float64Array(n_frames), how much of each frame is loud speech; Float64Array(K), how much lies before each; and in
 * the whole recording. waveform: Float32Array, 8 kHz, range [-1, 1], at least one frame; ends: frames where digits are heard
 * to begin or end. No others are found in silence.
 */
export function findBoundaries(waveform, ends) {
  const level = levelDb(waveform)
  const [loudest, quietest] = percentiles(level, 95, 5)
  const threshold = Math.max(loudest - RANGE_DB, Math.min(quietest + NOISE_DB, loudest - HEADROOM_DB))
  const loudness = level.map((db) => clip((db - threshold) / Math.max(loudest - threshold, 1e-9), 0, 1))
  const quiet = new Set(spread(found(level, threshold)))
  const heard = new Set(Array.from(ends, (frame) => clip(frame, 0, level.length)))
  const frames = Int32Array.from(new Set([...quiet, ...heard])).sort()
  const boundaries = {
    frames,
    quiet: Uint8Array.from(frames, (frame) => quiet.has(frame)),
    heard: Uint8Array.from(frames, (frame) => heard.has(frame)),
    loudness: Float64Array.from(frames, (frame) => loudness[frame] ?? 0),
  }
  return withLevel(boundaries, loudness)
}

/** The same boundaries in a recording with this speech. */
export function withLevel(boundaries, level) {
  const before = new Float64Array(level.length + 1)
  level.forEach((share, frame) => (before[frame + 1] = before[frame] + share))
  return { ...boundaries, level, speech: Float64Array.from(boundaries.frames, (frame) => before[frame]), totalSpeech: before.at(-1) }
}

/** The smoothed level of each frame. */
function levelDb(waveform) {
  const power = Float64Array.from({ length: Math.floor(waveform.length / FRAME) }, (_, frame) => {
    let squares = 0
    for (let at = frame * FRAME; at < (frame + 1) * FRAME; at++) squares += waveform[at] ** 2
    return squares / FRAME
  })
  const smooth = power.length >= SMOOTHING.length ? power.map((_, at) => smoothed(power, at)) : power
  return smooth.map((value) => 10 * Math.log10(value + 1e-10))
}

const smoothed = (power, at) => SMOOTHING.reduce((sum, weight, place) => sum + weight * (power[at + place - 2] ?? 0), 0)

/** All places, rising: the ends of each stretch of speech, with some frames around it, and places inside. */
function found(level, threshold) {
  const places = new Set()
  for (let first = 0; first < level.length; first++) {
    if (!(level[first] > threshold)) continue
    let last = first
    while (last < level.length && level[last] > threshold) last++
    places.add(Math.max(0, first - AROUND)).add(Math.min(level.length, last + AROUND))
    for (const frame of inside(level, first, last)) places.add(frame)
    first = last
  }
  return [...places].sort((one, other) => one - other)
}

/** The quietest frames within a stretch of speech. */
function inside(level, first, last) {
  const dips = []
  for (let at = first + 2; at < last - 2; at++) {
    if (level[at] <= Math.min(level[at - 2], level[at - 1], level[at + 1], level[at + 2])) dips.push(at)
  }
  return dips
}

/** Without those that follow another one too closely. */
function spread(frames) {
  const kept = []
  for (const frame of frames) if (kept.length === 0 || frame - kept.at(-1) >= CLOSEST) kept.push(frame)
  return kept
}

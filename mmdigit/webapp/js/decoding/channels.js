// Turns stereo into mono: mixes both channels, or picks the better one if mixing would lose speech.
// The same as mmdigit/reading/audio/channels.py, which says where the constants come from.

const MIN_SNR_GAIN = 2 // a channel's speech-to-noise ratio (power) relative to the mix's, from which it is better
const MIN_KEPT_POWER = 0.35 // of a channel's power in the mix; channels of unrelated phase keep half of it
const SPEECH_FRAMES = 10 // of 10 ms; a louder sound that is shorter is not speech
const POWER_FLOOR = 1e-10 // mean square of a frame: the rounding of 16 bits

/** One channel of one or two: Float32Array. channels: as many Float32Arrays of one length. */
export function toMono(channels, rateHz) {
  if (channels.length === 1) return channels[0]
  const [left, right] = channels
  const mix = left.map((sample, at) => (sample + right[at]) / 2)
  const [mixed, ...measured] = [mix, left, right].map((channel) => measure(channel, rateHz))
  const better = measured[1].ratio > measured[0].ratio ? 1 : 0
  const { ratio, power } = measured[better]
  return ratio > MIN_SNR_GAIN * mixed.ratio || mixed.power < MIN_KEPT_POWER * power ? channels[better] : mix
}

/** The speech-to-noise ratio, in power, and the mean power. */
function measure(channel, rateHz) {
  const size = Math.floor(rateHz / 100)
  const mean = channel.reduce((sum, sample) => sum + sample, 0) / channel.length
  const powers = Float64Array.from({ length: Math.floor(channel.length / size) }, (_, frame) => {
    const samples = channel.subarray(frame * size, (frame + 1) * size)
    return samples.reduce((sum, sample) => sum + (sample - mean) ** 2, 0) / size + POWER_FLOOR
  }).sort()
  const speech = powers.at(-Math.min(SPEECH_FRAMES, Math.floor((powers.length + 1) / 2)))
  const ratio = speech / powers[Math.floor(powers.length / 10)]
  return { ratio, power: powers.reduce((sum, power) => sum + power, 0) / powers.length }
}

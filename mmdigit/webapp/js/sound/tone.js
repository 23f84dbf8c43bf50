// A short tone, after which somebody may speak.

const PITCH_HZ = 660
const LENGTH_S = 0.15
const LOUDNESS = 0.2 // of full scale
const FADE_S = 0.02

/** Play the tone. Resolves at its end, also where nothing can be played. */
export async function playTone() {
  const context = new AudioContext()
  try {
    const [pitch, loudness] = [context.createOscillator(), context.createGain()]
    pitch.frequency.value = PITCH_HZ
    const start = context.currentTime
    loudness.gain.setValueAtTime(0, start)
    loudness.gain.linearRampToValueAtTime(LOUDNESS, start + FADE_S)
    loudness.gain.setValueAtTime(LOUDNESS, start + LENGTH_S - FADE_S)
    loudness.gain.linearRampToValueAtTime(0, start + LENGTH_S)
    pitch.connect(loudness).connect(context.destination)
    const over = new Promise((resolve) => pitch.addEventListener("ended", resolve))
    const late = new Promise((resolve) => setTimeout(resolve, 4000 * LENGTH_S)) // no loudspeaker, no end
    pitch.start(start)
    pitch.stop(start + LENGTH_S)
    await Promise.race([over, late])
  } finally {
    context.close()
  }
}

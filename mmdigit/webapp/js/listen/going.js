// What goes on in Listen: the number that was heard or seen, and what became of it. It stays while the language is changed
// or other views are shown, until the tab is closed.

const NO_NUMBER = {
  source: null, digits: [], reasons: [], countHeard: 0, waveform: null, photo: null, confirmed: false, copied: false, at: 0,
}

/**
 * source: "sound" or "picture", null = no number. digits: as digits.js has them. reasons: why a person has to look.
 * countHeard: how many digits fit best. waveform: Float32Array at 8 kHz, what
 * was said. photo: as photo.js has it. confirmed, copied: by the person; to the clipboard. at: the digit
 * that is looked at. count: how many digits the person says there are, null = unknown.
 */
export const going = { count: null, ...NO_NUMBER }

/** No number any more. */
export const forget = () => Object.assign(going, NO_NUMBER, { digits: [], reasons: [] })

/** The digits as text; "" stands for one that is still to be typed. */
export const value = () => going.digits.map(({ label }) => label).join("")

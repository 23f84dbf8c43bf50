// Finds where speech begins and ends while it is being recorded: one word, or a number. No clock and no microphone in here: whoever
// records pushes samples. Levels are those of hops of 10 ms, in dB of full scale. The constants were tried on words of the
// Free Spoken Digit Dataset, AudioMNIST and Speech Commands in background noise 10 to 25 dB below them.

const HOP_S = 0.01
const CUTOFF_HZ = 65 // below it is rumble, and a constant level
const FLOOR_HOPS = 150 // the noise is what the quietest tenth of the last 1.5 s has
const FLOOR_AFTER_HOPS = 60 // before so many, a word may have begun at once: the noise is taken to be at most FIRST_FLOOR_DB
const FIRST_FLOOR_DB = -45
const LOWEST_FLOOR_DB = -65 // what is fainter is no speech
const NOTHING_DB = -95 // a microphone that has not started gives zeros
const START_DB = 10 // above the noise
const RANGE_DB = 30 // below the loudest hop of a word: what is fainter may be the decay of a click
const START_HOPS = 6 // so many loud hops of
const START_WITHIN = 12 // these begin a word; a click has fewer
const END_SHARE = 0.35 // of the way from the noise to the loudest hop: below it is quiet
const END_DB = 5 // above the noise, at least
const LASTING_HOPS = 3 // in a row: a shorter sound does not make a pause end
const MAX_WAIT_HOPS = 500 // 5 s without speech
/** 0.7 s of quiet end a word: the pauses inside "six" and "eight" are below 0.2 s. It has at most 3 s. */
export const ONE_WORD = { quietHops: 70, maxSpeechHops: 300 }
/** Who reads digits from paper pauses between them. With what is before and after, a recording has at most a minute. */
export const NUMBER = { quietHops: 200, maxSpeechHops: 5500 }
const PRE_ROLL_HOPS = 30 // 0.3 s before the word are kept: an "s" or "f" is fainter than its vowel

/** One word or number. rateHz: of the samples that are pushed. limits: ONE_WORD or NUMBER. */
export class Endpoint {
  #limits
  #hop // samples
  #rest = new Float32Array(0)
  #levels = [] // dB of each hop
  #filter = { decay: 0, before: 0, out: 0 } // a high-pass of the first order
  #start = -1 // first loud hop of the word
  #peak = 0 // dB, of the word
  #quiet = 0 // hops
  #lasting = 0 // loud hops in a row

  /** "waiting" for speech, "speaking", "done", or "no_speech" */
  state = "waiting"

  constructor(rateHz, limits = ONE_WORD) {
    this.#limits = limits
    this.#hop = Math.round(rateHz * HOP_S)
    this.#filter.decay = Math.exp((-2 * Math.PI * CUTOFF_HZ) / rateHz)
  }

  /** The samples that hold the word, as {from, to} of all that were pushed. */
  get span() {
    const from = Math.max(this.#start - PRE_ROLL_HOPS, 0)
    return { from: from * this.#hop, to: this.#levels.length * this.#hop }
  }

  /** Level of the last hop, 0 to 1 for silence to full scale, as a meter shows it. */
  get level() {
    const now = this.#levels.at(-1) ?? LOWEST_FLOOR_DB
    return Math.min(Math.max(1 - now / LOWEST_FLOOR_DB, 0), 1)
  }

  /** End it now: the person has said that it is over. Returns the state. */
  finish() {
    if (!this.#ended) this.state = this.state === "speaking" ? "done" : "no_speech"
    return this.state
  }

  /** Hear more samples, Float32Array of any length. Returns the state. */
  push(samples) {
    const all = new Float32Array(this.#rest.length + samples.length)
    all.set(this.#rest)
    all.set(samples, this.#rest.length)
    let at = 0
    for (; at + this.#hop <= all.length && !this.#ended; at += this.#hop) this.#hear(this.#levelOf(all, at))
    this.#rest = all.slice(at)
    return this.state
  }

  get #ended() {
    return this.state === "done" || this.state === "no_speech"
  }

  #levelOf(samples, from) {
    let squares = 0
    const filter = this.#filter
    for (let at = from; at < from + this.#hop; at++) {
      filter.out = samples[at] - filter.before + filter.decay * filter.out
      filter.before = samples[at]
      squares += filter.out ** 2
    }
    return 10 * Math.log10(squares / this.#hop + 1e-10)
  }

  #hear(level) {
    this.#levels.push(level)
    const floor = this.#floor()
    if (this.state === "waiting") this.#wait(floor)
    else this.#follow(floor)
  }

  #wait(floor) {
    const last = this.#levels.length
    const loud = this.#loudHops(Math.max(last - START_WITHIN, 0), last, floor)
    if (loud.length >= START_HOPS) {
      this.state = "speaking"
      this.#start = loud[0]
      this.#peak = LOWEST_FLOOR_DB
      this.#quiet = this.#lasting = 0
    } else if (last >= MAX_WAIT_HOPS) {
      this.state = "no_speech"
    }
  }

  #follow(floor) {
    const now = this.#recent()
    this.#peak = Math.max(this.#peak, now)
    const isQuiet = now < floor + Math.max(END_DB, END_SHARE * (this.#peak - floor))
    this.#lasting = isQuiet ? 0 : this.#lasting + 1
    this.#quiet = this.#lasting >= LASTING_HOPS ? 0 : this.#quiet + 1
    const last = this.#levels.length
    if (this.#quiet < this.#limits.quietHops && last - this.#start < this.#limits.maxSpeechHops) return
    // Now the noise is known better: if it alone was heard, go on waiting.
    const isSpeech = this.#loudHops(this.#start, last, floor).length >= START_HOPS
    this.state = isSpeech ? "done" : last >= MAX_WAIT_HOPS ? "no_speech" : "waiting"
  }

  /** The noise, in dB. */
  #floor() {
    const heard = this.#levels.slice(-FLOOR_HOPS).filter((level) => level > NOTHING_DB).sort((one, other) => one - other)
    const tenth = heard[Math.floor(heard.length / 10)] ?? LOWEST_FLOOR_DB
    const most = heard.length < FLOOR_AFTER_HOPS ? FIRST_FLOOR_DB : 0
    return Math.max(Math.min(tenth, most), LOWEST_FLOOR_DB)
  }

  /** The hops of these that are loud enough to be speech. */
  #loudHops(from, to, floor) {
    const levels = this.#levels.slice(from, to)
    const least = Math.max(floor + START_DB, Math.max(...levels) - RANGE_DB)
    return levels.flatMap((level, at) => (level > least ? [from + at] : []))
  }

  /** The mean power of the last three hops, in dB. */
  #recent() {
    const last = this.#levels.slice(-3)
    return 10 * Math.log10(last.reduce((sum, level) => sum + 10 ** (level / 10), 0) / last.length)
  }
}

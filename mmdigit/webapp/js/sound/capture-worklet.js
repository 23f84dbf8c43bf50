// Runs in the audio thread: hands on what the microphone hears, mono, in pieces of about 20 ms.

const SILENCE = new Float32Array(128) // from a microphone that has not started yet

class Capture extends AudioWorkletProcessor {
  #piece = new Float32Array(Math.round(sampleRate / 50))
  #filled = 0

  process([input]) {
    for (const sample of input[0] ?? SILENCE) {
      this.#piece[this.#filled++] = sample
      if (this.#filled === this.#piece.length) {
        this.port.postMessage(this.#piece, [this.#piece.buffer])
        this.#piece = new Float32Array(Math.round(sampleRate / 50))
        this.#filled = 0
      }
    }
    return true
  }
}

registerProcessor("capture", Capture)

// Runs in the audio thread: hands on what the microphone hears, mono, in pieces of about 20 ms.

class Capture extends AudioWorkletProcessor {
  #piece = new Float32Array(Math.round(sampleRate / 50))
  #filled = 0

  process([input]) {
    const channel = input[0]
    if (!channel) return true // the microphone has not started yet
    for (const sample of channel) {
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

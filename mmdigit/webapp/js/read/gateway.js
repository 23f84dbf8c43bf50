// Asks the gateway for one answer, for as long as it takes.

import { ApiError, request } from "../api.js"
import { pause } from "../pause.js"

const WAIT_S = 10 // the first time
const LONG_WAIT_S = 30 // then: each time sends the job again
const RETRY_AFTER_MS = 1500

/** A job that can never succeed. code: the gateway's reason, such as invalid_image. */
export class ReadingError extends Error {
  constructor(code) {
    super(`expected a job that can be read, got ${code}; give another picture or sound`)
    this.code = code
  }
}

/**
 * The prediction for a picture and a sound, each a Blob or null. While the gateway is away or busy, asks again, always
 * for the same job, until signal ends it or waits() is false; onAway(true) and onAway(false) tell. Throws ApiError,
 * ReadingError.
 */
export async function askGateway({ picture, sound, signal, onAway, waits = () => true }) {
  const headers = { "Idempotency-Key": newKey() }
  const body = new FormData()
  if (picture) body.append("image", picture)
  if (sound) body.append("audio", sound)
  let wait = WAIT_S
  let away = false
  for (;;) {
    try {
      const status = await request("POST", `/v1/jobs?wait=${wait}`, { body, headers, signal })
      if (!isStatus(status)) throw new ApiError(0, "expected the state of a job, got another answer; see what answers there")
      if (away) onAway(false)
      away = false
      wait = LONG_WAIT_S
      if (status.state === "done") return status.prediction
      if (status.state === "dead") throw new ReadingError(status.reason)
    } catch (error) {
      if (!(error instanceof ApiError && error.passes && waits())) throw error
      away = true
      onAway(true)
    }
    await pause(RETRY_AFTER_MS, signal)
  }
}

/** Whether it is a JobStatus (schemas/api.py): something in between may have answered. */
const isStatus = (status) =>
  status?.state === "done" ? Array.isArray(status.prediction?.probabilities) : ["pending", "dead"].includes(status?.state)

/** Random, also where the page is not a secure context. */
const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("")

// The gateway's HTTP API (docs/use/api.md): requests with the token, errors as ApiError, event streams.

import { pause } from "./pause.js"

const TOKEN = "mmdigit.token"
const SENDABLE = /^[\x21-\x7e]+$/ // a header takes no other token
const STREAM = "text/event-stream"
const RETRY_AFTER_MS = 1000

/** An answer other than success, or none at all: status 0. detail: what was expected, what came, what to do. */
export class ApiError extends Error {
  constructor(status, detail) {
    super(detail)
    this.status = status
  }

  /** Whether the gateway is away or busy, so that the same request may succeed later. */
  get passes() {
    return [0, 429, 502, 503, 504].includes(this.status)
  }
}

/** The token, until the tab is closed; "" without one. */
export const token = () => sessionStorage.getItem(TOKEN) ?? ""
export const setToken = (text) => sessionStorage.setItem(TOKEN, text)

/**
 * A request. body: FormData or Blob as they are, anything else as JSON. Returns the parsed JSON, or null without one.
 * Throws ApiError; of a request without a right token, the window hears "login".
 */
export async function request(method, path, { body = null, headers = {}, signal = null } = {}) {
  const response = await send(method, path, { body, headers, signal })
  return response.status === 204 ? null : jsonOf(response)
}

/** The JSON of an answer. Throws ApiError as if the gateway were away if it is none, or a part: another has answered. */
export async function jsonOf(response) {
  try {
    return await response.json()
  } catch (error) {
    if (error.name === "AbortError") throw error
    throw new ApiError(0, `expected JSON, got something else (${error.message}); see what answers in place of the gateway`)
  }
}

/** As request, but the response itself. */
export async function send(method, path, { body = null, headers = {}, signal = null } = {}) {
  const plain = body === null || body instanceof FormData || body instanceof Blob
  const all = { ...(plain ? {} : { "Content-Type": "application/json" }), ...headers }
  if (token() && !SENDABLE.test(token())) {
    window.dispatchEvent(new CustomEvent("login"))
    throw new ApiError(401, "expected a token of ASCII letters, digits and signs, got another character; copy it again")
  }
  if (token()) all.Authorization = `Bearer ${token()}`
  let response
  try {
    response = await fetch(path, { method, headers: all, body: plain ? body : JSON.stringify(body), signal, cache: "no-store" })
  } catch (error) {
    if (error.name === "AbortError") throw error
    throw new ApiError(0, error.message)
  }
  if (response.ok) return response
  if (response.status === 401) window.dispatchEvent(new CustomEvent("login"))
  let detail = response.statusText
  try {
    detail = (await response.json()).detail ?? detail
  } catch {
    // Something between here and the gateway has answered; its status says enough.
  }
  throw new ApiError(response.status, detail)
}

/**
 * Follow an event stream until signal ends it: onEvent({event, data, id}), data parsed. Comes back by itself after an
 * interruption, from the last id on; onState("open" | "lost") tells. Throws ApiError for what waiting cannot mend.
 */
export async function follow(path, { onEvent, onState = () => {}, signal }) {
  let last = ""
  while (!signal.aborted) {
    try {
      const response = await send("GET", path, { headers: last ? { "Last-Event-ID": last } : {}, signal })
      if (!response.headers.get("Content-Type")?.startsWith(STREAM)) throw new ApiError(0, `expected ${STREAM}, got another type`)
      onState("open")
      for await (const event of events(response.body)) {
        if (event.id) last = event.id
        onEvent(event)
      }
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof ApiError && !error.passes) throw error
    }
    onState("lost")
    await pause(RETRY_AFTER_MS)
  }
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ""
  for (;;) {
    const { value, done } = await reader.read()
    if (done) return
    const blocks = (rest + value).split("\n\n")
    rest = blocks.pop()
    for (const block of blocks) {
      const event = { event: "message", data: null, id: "" }
      for (const line of block.split("\n")) {
        if (line.startsWith("event: ")) event.event = line.slice(7)
        else if (line.startsWith("id: ")) event.id = line.slice(4)
        else if (line.startsWith("data: ")) event.data = JSON.parse(line.slice(6))
      }
      if (event.data !== null) yield event
    }
  }
}

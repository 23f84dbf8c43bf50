// Keys on their way to the gateway: sent in order and in batches, kept in this tab until they are acknowledged, tried
// again for as long as it takes. A gateway that ends and comes back, or a page that is loaded again, loses none.

import { ApiError } from "../api.js"
import { pause } from "../pause.js"
import { slot } from "../storage.js"

/** What became of a key that the gateway has kept. */
export const KEPT_OUTCOMES = ["kept", "known", "needs_second"]

const TOGETHER = 50
const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 4000

/**
 * An outbox. send({claim, fields} or {claim, boxes}) and release(claim) talk to the gateway. storage: where keys are
 * kept. An entry is {claim, group, field, box, key, release}: key as the gateway takes it.
 */
export function outbox({ send, release, storage = sessionStorage, wait = pause }) {
  const kept = slot(() => storage, "mmdigit.review.keys")
  let entries = [kept.read()].flat().filter(isEntry)
  let flying = 0 // of the entries, from the first on
  let running = false
  let away = false
  const listeners = new Set()
  const tell = (event) => listeners.forEach((listen) => listen(event))

  function keep() {
    kept.write(entries)
    tell({ type: "state", unsent: box.unsent, away })
  }

  function nextBatch() {
    const first = entries[0]
    if (first.release) return [first]
    const seen = new Set()
    const batch = []
    for (const entry of entries.slice(0, TOGETHER)) {
      const place = `${entry.field} ${entry.box ?? ""}`
      if (entry.release || entry.claim !== first.claim || (entry.box === undefined) !== (first.box === undefined)) break
      if (seen.has(place)) break // a field's keys go one after the other: each knows how many changes there were before
      seen.add(place)
      batch.push(entry)
    }
    return batch
  }

  async function deliver(batch) {
    const [first] = batch
    if (first.release) {
      await release(first.claim)
      return { results: [], left: null }
    }
    return send({ claim: first.claim, [first.box === undefined ? "fields" : "boxes"]: batch.map((entry) => entry.key) })
  }

  async function run() {
    if (running) return
    running = true
    let waits = FIRST_WAIT_MS
    while (entries.length > 0) {
      const batch = nextBatch()
      flying = batch.length
      let answer
      try {
        answer = await deliver(batch)
      } catch (error) {
        if (!(error instanceof ApiError) || error.passes || [401, 500].includes(error.status)) {
          flying = 0
          away = true
          keep()
          await wait(waits)
          waits = Math.min(2 * waits, LONGEST_WAIT_MS)
          continue
        }
        const isOver = error.status === 404 // the claim, with all that it had
        const result = { outcome: isOver ? "not_claimed" : "refused", isOver, error: error.message, value: null, seen: 0 }
        answer = { results: batch[0].release ? [] : batch.map(() => result), left: null }
      }
      waits = FIRST_WAIT_MS
      away = false
      flying = 0
      entries = entries.slice(batch.length)
      answer.results.forEach((result, i) => learn(batch[i], result))
      keep()
      answer.results.forEach((result, i) => tell({ type: "result", entry: batch[i], result }))
      if (answer.left) tell({ type: "left", group: batch[0].group, left: answer.left })
    }
    running = false
    tell({ type: "state", unsent: 0, away: false })
  }

  // A later key of the same field knows of the change that this one made. What was not kept cannot be taken back.
  function learn(sent, { outcome, seen }) {
    const later = entries.filter((entry) => entry.field === sent.field && entry.box === undefined && !entry.release)
    if (later.length === 0 || sent.box !== undefined) return
    if (KEPT_OUTCOMES.includes(outcome)) for (const entry of later) entry.key.seen = seen
    else if (later[0].key.undo) entries = entries.filter((entry) => entry !== later[0])
  }

  const box = {
    /** Keys that are not acknowledged. */
    get unsent() {
      return entries.filter((entry) => !entry.release).length
    },
    get away() {
      return away
    },
    /** Put entries at the end, and send. */
    put(...added) {
      entries.push(...added)
      keep()
      run()
    },
    /** Take the field's last key back if it is not on its way yet; false if it is, or was. */
    take(field, place) {
      const at = entries.findLastIndex((entry) => entry.field === field && entry.box === place && !entry.release)
      if (at < flying) return false
      entries.splice(at, 1)
      keep()
      return true
    },
    /** listen({type: "state" | "result" | "left", ...}); returns what ends it. */
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    /** Send what an earlier page has left. */
    resume: run,
  }
  return box
}

/** Whether it can be sent; anything could stand where entries are kept. */
const isEntry = (entry) => typeof entry?.claim === "string" && (entry.release === true || typeof entry.key?.field === "string")

// A person's work in one group: the fields or boxes that they hold, in order, what they have keyed, and the way back.
// Nothing here waits for the gateway: what comes next is here already.

import { ApiError } from "../api.js"
import { leases } from "./leases.js"
import { putOffer, takeOffer } from "./offers.js"
import { KEPT_OUTCOMES } from "./outbox.js"
import { prepared } from "./picture.js"
import { claim as ask, releaseAtOnce } from "./requests.js"
import { box } from "./sending.js"
import { speedometer } from "./speed.js"
import { isBlind } from "./tasks.js"

const AHEAD = { review: 20, control: 20, second: 20, digits: 60 }
const AGAIN_MS = 2000

/**
 * Begin. task: {group, form, kind, digit}. clerk: a name, or null where the token has one.
 * isOnlyForm: the group has no other. onEvent({type}): "current",
 * another item is shown; "changed", figures or what is ahead; "problem" {item, entry,
 * isBack}, a key was not kept; "stays" {item, error}, a field stays in review although all its boxes are kept; "lost", a
 * lease is over; "ending" {ms}, it soon will be. draft(): what is typed for the current field, or null if nothing is.
 */
export function session({ task, clerk, isOnlyForm, ...screen }) {
  let { onEvent, draft = () => null } = screen
  const speed = speedometer()
  const state = { left: null, clerk, asking: false, exhausted: false, ended: false, error: null }
  const lowest = AHEAD[task.kind]
  let ahead = []
  let done = [] // lists of items: of one step each

  const held = leases({
    isNeeded: (claim) => ahead.some((item) => item.claim === claim),
    onLost: lose,
    onEnding: (ms) => onEvent({ type: "ending", ms }),
  })

  async function fill() {
    if (state.asking || state.exhausted || state.ended || ahead.length >= lowest) return
    state.asking = true
    try {
      const { group, ...asked } = task
      const claimed = await ask(group, { ...asked, count: lowest, clerk })
      state.clerk = claimed.clerk
      if (state.ended) {
        releaseAtOnce(claimed.claim)
        return
      }
      const items = claimed.kind === "digits" ? claimed.boxes.map((one) => boxItem(one, claimed)) : claimed.fields.map((one) => fieldItem(one, claimed))
      state.exhausted = items.length === 0
      if (items.length > 0) held.add(claimed)
      insert(items)
      if (!state.exhausted) setTimeout(fill) // until enough is ahead
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (error.passes) setTimeout(fill, AGAIN_MS)
      else state.error = error
    } finally {
      state.asking = false
    }
    onEvent({ type: "changed" })
  }

  function fieldItem(field, { claim }) {
    const offer = takeOffer(task.group, field.field)
    return prepared({ claim, id: field.field, field, seen: field.seen, ...offered(offer) })
  }

  const boxItem = (one, { claim }) => prepared({ claim, id: one.field, box: one.box, field: one, said: one.digit, words: one.seen })

  // What has a problem comes before the rest, but never in place of what is being keyed.
  function insert(items) {
    const wasEmpty = ahead.length === 0
    const [first, ...rest] = ahead
    const urgent = items.filter((item) => item.problem)
    const others = items.filter((item) => !item.problem)
    ahead = wasEmpty ? [...urgent, ...others] : [first, ...urgent, ...rest, ...others]
    if (wasEmpty && ahead.length > 0) onEvent({ type: "current" })
  }

  function lose(claim) {
    const current = ahead[0]
    const typed = draft()
    if (current?.claim === claim && current.box === undefined && typed !== null) {
      putOffer(task.group, current.id, { text: typed, problem: { outcome: "not_claimed" } })
    }
    held.drop(claim)
    done = done.filter((step) => step.every((item) => item.claim !== claim))
    ahead = ahead.filter((item) => item.claim !== claim)
    onEvent({ type: "lost" })
    if (ahead[0] !== current) onEvent({ type: "current" })
    again()
  }

  function entryOf(item, key) {
    return { claim: item.claim, group: task.group, field: item.id, box: item.box, key: { field: item.id, ...key } }
  }

  function hear({ type, entry, result, group, left }) {
    if (type === "left" && group === task.group && isOnlyForm) state.left = left
    if (type === "result" && entry.group === task.group) learn(entry, result)
    onEvent({ type: "changed" })
  }

  function learn(entry, result) {
    const same = (item) => item.id === entry.field && item.box === entry.box
    const item = done.flat().find(same) ?? ahead.find(same)
    if (!item) return
    if (KEPT_OUTCOMES.includes(result.outcome)) {
      item.seen = result.seen
      if (entry.box !== undefined && result.error) onEvent({ type: "stays", item, error: result.error })
      return
    }
    done = done.map((step) => step.filter((one) => one !== item)).filter((step) => step.length > 0)
    Object.assign(item, { problem: result, seen: result.seen || item.seen })
    if (entry.box === undefined) bringBack(item, entry.key, result)
    onEvent({ type: "problem", item, entry, isBack: ahead.includes(item) })
    if (result.isOver) lose(entry.claim)
    else if (result.outcome === "not_claimed") again()
  }

  // What is not kept is shown again, unless it is somebody else's now, or is keyed and blind: then it is done.
  function bringBack(item, key, { outcome }) {
    const isGone = outcome === "not_claimed" || (outcome === "outdated" && (key.undo || isBlind(task.kind)))
    if (isGone) {
      if (outcome === "outdated") takeOffer(task.group, item.id)
      const wasCurrent = ahead[0] === item
      ahead = ahead.filter((one) => one !== item)
      if (wasCurrent) onEvent({ type: "current" })
    } else if (!key.undo) {
      takeOffer(task.group, item.id)
      item.typed = key.text
      if (!ahead.includes(item)) insert([item])
    }
  }

  function again() {
    Object.assign(state, { exhausted: false, error: null })
    fill()
  }

  function advance() {
    held.touch()
    onEvent({ type: "current" })
    fill()
  }

  const quiet = box.listen(hear)
  fill()

  return {
    get current() {
      return ahead[0] ?? null
    },
    /** The next items, the current one first. */
    next: (count) => ahead.slice(0, count),
    get aheadCount() {
      return ahead.length
    },
    get canUndo() {
      return done.length > 0
    },
    /** Why the gateway gives no work: an ApiError, or null. */
    get error() {
      return state.error
    },
    /** Nothing is left that nobody else has, and all that was keyed is kept. */
    get isFinished() {
      return state.exhausted && ahead.length === 0 && box.unsent === 0
    },
    /** How many are left in the group, as the gateway said last, without what is on its way. */
    get left() {
      if (state.left === null) return null
      const left = task.kind === "digits" ? state.left.digits[task.digit] : state.left[task.kind]
      return Math.max(ahead.length, left - box.unsent)
    },
    /** What the list of groups says of it: counts unless the answers to keys, which are newer, tell. */
    set listedLeft(left) {
      if (state.left === null || !isOnlyForm) state.left = left
    },
    get clerk() {
      return state.clerk
    },
    get figures() {
      return speed.figures
    },
    touch: held.touch,
    /** Keep what was typed for the current field, and go on. */
    keep(text) {
      const item = ahead.shift()
      Object.assign(item, { typed: text, problem: null })
      done.push([item])
      speed.count()
      advance()
      box.put(entryOf(item, { text, seen: item.seen }))
    },
    /** Keep what is said of these boxes, each `said`: a digit, or null. */
    keepBoxes(items) {
      ahead = ahead.filter((item) => !items.includes(item))
      done.push(items)
      speed.count(items.length)
      advance()
      box.put(...items.map((item) => entryOf(item, { box: item.box, digit: item.said, seen: item.words++ })))
    },
    /** Put the current field behind the others. */
    skip() {
      ahead.push(ahead.shift())
      advance()
    },
    /** Take the last step back: it is shown again as it was typed. Returns its items. */
    undo() {
      const step = done.pop()
      if (!step) return []
      for (const item of step) {
        // A box that is keyed again is kept as it is said then; a field is taken back.
        if (box.take(item.id, item.box)) item.words -= 1
        else if (item.box === undefined) box.put(entryOf(item, undoKey(item)))
      }
      ahead.unshift(...step)
      speed.takeBack(step.length)
      advance()
      return step
    },
    /** Look whether there is work again. */
    again,
    /** Another screen shows the work: see session(). What was typed goes with it. */
    attach(screen) {
      if (ahead.length > 0) ahead[0].draft = draft()
      ;({ onEvent, draft = () => null } = screen)
    },
    /** Give back what is left. now: the page is being closed. */
    end({ now = false } = {}) {
      const typed = draft()
      if (typed !== null && ahead.length > 0) putOffer(task.group, ahead[0].id, { text: typed, problem: null })
      state.ended = true
      quiet()
      held.end()
      for (const claim of held.claims) {
        if (now && box.unsent === 0) releaseAtOnce(claim)
        else if (!now) box.put({ claim, group: task.group, release: true })
      }
    },
  }
}

// What was sent and not kept is what the field had; what was never sent is being typed.
const offered = (offer) =>
  offer?.problem ? { typed: offer.text, problem: offer.problem, draft: null } : { typed: null, problem: null, draft: offer?.text ?? null }

const undoKey = (item) => ({ text: "", seen: item.seen, undo: true })

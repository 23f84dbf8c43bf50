// The view "watch": how it is going, live, for whoever looks after the work.

import { ApiError, follow } from "../api.js"
import { announce, fill, h } from "../dom.js"
import { t } from "../texts.js"
import { attentionOf, attentionSection } from "./attention.js"
import { figuresSection } from "./figures.js"
import { groupsSection } from "./groups.js"
import { History } from "./history.js"
import { write } from "./in_place.js"
import { toReview } from "./to_review.js"
import { clockTime, duration } from "./words.js"

const STALE_MS = 12_000 // the gateway sends something every five seconds
const HUNG_MS = 20_000 // so long without anything, the connection is made anew

/** Fill root; returns what ends the view. */
export function mount(root) {
  const mark = h("span", { "aria-hidden": "true" })
  const told = h("span", {}, t("watch.connecting"))
  const connection = h("p", { class: "connection" }, mark, told)
  const attention = attentionSection()
  const waiting = toReview(attention.showWaiting)
  const figures = figuresSection()
  const groups = groupsSection()
  const grafana = h("p", { hidden: true })
  const body = h("div", { hidden: true }, attention.element, figures.element, groups.element, grafana)
  fill(root, h("h1", {}, t("watch.title")), connection, body)

  const history = new History()
  let controller = null
  let ended = false
  let last = null // {status, at: when it came}
  let heard = performance.now() // when anything came, or the connection was made anew
  let isLost = false

  function show(status) {
    const before = last?.status ?? null
    last = { status, at: new Date() }
    heard = performance.now()
    history.add(heard, status)
    body.hidden = false
    const needs = attentionOf(status)
    attention.show(needs)
    waiting.look(status)
    figures.show(status, history)
    groups.show(status)
    showGrafana(grafana, status.grafana_url)
    const news = isLost ? [t("watch.back")] : []
    isLost = false
    news.push(...finishedSince(before, status), ...newNeeds(before, needs))
    if (news.length > 0) announce(news.join(" "))
    showConnection()
  }

  function showConnection() {
    const silentMs = performance.now() - heard
    const stale = isLost || silentMs > STALE_MS
    connection.classList.toggle("look", stale)
    const text = !stale ? t(last ? "watch.live" : "watch.connecting", { time: last ? clockTime(last.at) : "" })
      : last ? t("watch.lost", { time: clockTime(last.at), age: duration(Math.max(1, Math.round((Date.now() - last.at) / 1000))) })
        : t("watch.lost.first")
    // Nobody follows this line word by word: it says the same to a screen reader whenever it is read.
    write(mark, stale ? "▲ " : "● ")
    write(told, text)
    body.classList.toggle("stale", stale)
  }

  function lost() {
    if (isLost || ended) return
    isLost = true
    announce(t("watch.lost.said"))
    showConnection()
  }

  async function connect() {
    controller = new AbortController()
    try {
      await follow("/v1/watch/events", {
        signal: controller.signal,
        onEvent: ({ event, data }) => event === "status" && show(data),
        onState: (state) => state === "lost" && lost(),
      })
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      end()
      connection.classList.add("look")
      fill(connection, t(error.status === 403 ? "watch.forbidden" : "watch.refused", { detail: error.message }))
    }
  }

  const timer = setInterval(() => {
    if (performance.now() - heard > HUNG_MS) {
      controller.abort()
      lost()
      heard = performance.now()
      connect()
    } else if (performance.now() - heard > STALE_MS) lost()
    showConnection()
  }, 1000)

  function end() {
    ended = true
    clearInterval(timer)
    waiting.end()
    controller.abort()
  }

  connect()
  return end
}

function finishedSince(before, status) {
  const open = new Set((before?.groups ?? []).filter((group) => !group.finished).map((group) => group.group))
  return status.groups.filter((group) => group.finished && open.has(group.group))
    .map((group) => t("watch.finished", { group: group.group }))
}

function newNeeds(before, needs) {
  if (before === null) return []
  const known = new Set(attentionOf(before).map((need) => need.key))
  return needs.filter((need) => !known.has(need.key)).map((need) => need.text)
}

function showGrafana(place, url) {
  place.hidden = !url || !/^https?:/.test(url)
  if (place.hidden || place.firstChild?.href === new URL(url).href) return
  fill(place, h("a", { href: url, target: "_blank", rel: "noopener" }, t("watch.grafana")))
}

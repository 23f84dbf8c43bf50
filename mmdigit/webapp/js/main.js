// Starts the app: texts, navigation, settings, login. Views are chosen by the fragment: #/read, #/listen, #/learn, #/review,
// #/watch.
//
// A view is a module with `mount(root)`, which fills root and returns a function that ends it. In another language, and
// after a login, a view is mounted anew: each keeps in a module of its own what must not be lost.

import { setToken, token } from "./api.js"
import { announce, fill, h } from "./dom.js"
import { offlinePanel, startOffline } from "./offline.js"
import { apply, choose, LANGUAGES, settings } from "./settings.js"
import { loadTexts, t } from "./texts.js"

const VIEWS = ["read", "listen", "learn", "review", "watch"]

let unmount = () => {}
let cancelled = false // nobody wants to log in for this view

const chosen = () => VIEWS.find((view) => location.hash.startsWith(`#/${view}`)) ?? VIEWS[0]

/** Show the chosen view. focus: on its heading. */
async function show({ focus }) {
  const name = chosen()
  unmount()
  unmount = () => {}
  document.title = t("common.title", { view: t(`${name}.name`) })
  frame()
  const root = h("div", { class: `view ${name}`, lang: settings.language })
  fill(document.getElementById("main"), root)
  const view = await module(name, root)
  if (view === null || !root.isConnected) return // another view was chosen meanwhile
  unmount = view.mount(root) ?? (() => {})
  if (focus) focusHeading(root)
}

/** The module of a view; null, and root says so, if it does not come. */
async function module(name, root) {
  try {
    return await import(`/app/js/${name}/view.js`)
  } catch {
    const again = h("button", { type: "button", class: "main", on: { click: () => location.reload() } }, t("common.again"))
    fill(root, h("h1", {}, t(`${name}.title`)), h("p", {}, t("common.missing")), again) // a module that failed is not asked for again
    announce(t("common.missing"))
    return null
  }
}

/** Until the person does something, also on a heading that the view puts in its place, as it hears from the gateway. */
function focusHeading(root) {
  const focus = () => {
    const heading = root.querySelector("h1")
    heading?.setAttribute("tabindex", "-1")
    ;(heading ?? document.getElementById("main")).focus()
  }
  const replaced = new MutationObserver(() => document.activeElement === document.body && focus())
  replaced.observe(root, { childList: true, subtree: true })
  for (const type of ["keydown", "pointerdown"]) {
    window.addEventListener(type, () => replaced.disconnect(), { once: true, capture: true })
  }
  focus()
}

function frame() {
  document.querySelector(".skip").textContent = t("common.skip")
  document.querySelector("header .settings").textContent = t("common.settings")
  document.querySelector("header .login").textContent = t("common.login")
  const nav = document.querySelector("nav")
  nav.setAttribute("aria-label", t("common.nav"))
  if (nav.children.length === 0) fill(nav, VIEWS.map((view) => h("a", { href: `#/${view}` })))
  VIEWS.forEach((view, place) => {
    const link = nav.children[place] // the same one, which may have focus
    link.textContent = t(`${view}.name`)
    if (view === chosen()) link.setAttribute("aria-current", "page")
    else link.removeAttribute("aria-current")
  })
}

function choice(legend, name, values) {
  const radios = values.map(([value, text]) =>
    h("label", { class: "line" },
      h("input", {
        type: "radio", name, value, checked: settings[name] === value,
        on: { change: () => choose({ [name]: value }) },
      }),
      text),
  )
  return h("fieldset", {}, h("legend", {}, legend), radios)
}

function choices() {
  return [
    h("h2", { id: "settings-title" }, t("common.settings")),
    choice(t("common.language"), "language", Object.entries(LANGUAGES)),
    choice(t("common.theme"), "theme", [["auto", t("common.auto")], ["light", t("common.light")], ["dark", t("common.dark")]]),
    choice(t("common.contrast"), "contrast", [["auto", t("common.auto")], ["more", t("common.more")]]),
    choice(t("common.motion"), "motion", [["auto", t("common.auto")], ["less", t("common.less")]]),
    choice(t("common.where"), "where", [["gateway", t("common.where.gateway")], ["page", t("common.where.page")]]),
    offlinePanel(),
    h("form", { method: "dialog" }, h("button", { class: "main" }, t("common.close"))),
  ]
}

function openSettings() {
  const dialog = h("dialog", { "aria-labelledby": "settings-title" }, h("div", { class: "choices" }, choices()))
  dialog.addEventListener("close", () => {
    dialog.remove()
    document.querySelector("header .settings").focus()
  })
  document.body.append(dialog)
  dialog.showModal()
}

/** Ask for a token. asked: by the person, not by a request that needs one. */
function openLogin({ asked = false } = {}) {
  if (document.querySelector("dialog.login") || (cancelled && !asked)) return
  const field = h("input", { id: "token", type: "password", autocomplete: "off", required: true })
  const dialog = h("dialog", { class: "login", "aria-labelledby": "login-title" },
    h("h2", { id: "login-title" }, t("common.login")),
    token() ? h("p", { class: "look" }, t("common.login.refused")) : null,
    h("p", {}, t("common.login.why")),
    h("form", { method: "dialog", on: { submit: () => setToken(field.value.trim()) } },
      h("label", { for: "token" }, t("common.token")), " ", field, " ",
      h("button", { class: "main", value: "sent" }, t("common.login.send")), " ",
      h("button", { type: "button", on: { click: () => dialog.close() } }, t("common.login.cancel"))))
  dialog.addEventListener("close", () => {
    dialog.remove()
    cancelled = dialog.returnValue !== "sent"
    document.querySelector("header .login").hidden = !cancelled
    if (!cancelled) show({ focus: true })
  })
  document.body.append(dialog)
  dialog.showModal()
}

async function changeLanguage() {
  await loadTexts()
  await show({ focus: false })
  const place = document.querySelector("dialog .choices")
  if (!place) return
  fill(place, choices())
  place.querySelector("[name=language]:checked").focus()
  announce(LANGUAGES[settings.language])
}

async function start() {
  apply()
  const failed = document.getElementById("failed") // CSS shows it after 10 s
  try {
    await loadTexts()
  } catch {
    failed.style.animation = "none"
    return
  }
  failed.hidden = true
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault() // the fragment belongs to the views
    document.getElementById("main").focus()
  })
  document.querySelector("header .settings").addEventListener("click", openSettings)
  document.querySelector("header .login").addEventListener("click", () => openLogin({ asked: true }))
  window.addEventListener("hashchange", () => {
    cancelled = false
    show({ focus: true })
  })
  window.addEventListener("login", () => openLogin())
  window.addEventListener("settings", async (event) => {
    if (!("language" in event.detail)) return
    await changeLanguage()
  })
  await show({ focus: false })
  startOffline()
}

start()

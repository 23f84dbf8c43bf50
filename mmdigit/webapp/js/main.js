// Starts the app: texts, navigation, settings, login. A view is a module with `mount(root)`, which fills root and
// returns a function that ends it. Views are chosen by the fragment: #/read, #/learn, #/review, #/watch.

import { setToken } from "./api.js"
import { announce, fill, h } from "./dom.js"
import { offlinePanel, startOffline } from "./offline.js"
import { apply, choose, settings } from "./settings.js"
import { LANGUAGES, loadTexts, t } from "./texts.js"

const VIEWS = ["read", "learn", "review", "watch"]

let unmount = () => {}

async function show({ focus }) {
  const name = VIEWS.find((view) => location.hash.startsWith(`#/${view}`)) ?? VIEWS[0]
  unmount()
  unmount = () => {}
  document.title = t("common.title", { view: t(`${name}.name`) })
  fill(document.querySelector("nav"), VIEWS.map((view) =>
    h("a", { href: `#/${view}`, "aria-current": view === name ? "page" : null }, t(`${view}.name`)),
  ))
  const root = h("div", { class: `view ${name}` })
  fill(document.getElementById("main"), root)
  const view = await import(`/app/js/${name}/view.js`)
  if (!root.isConnected) return // another view was chosen meanwhile
  unmount = view.mount(root) ?? (() => {})
  if (focus) document.getElementById("main").focus()
}

function frame() {
  document.querySelector(".skip").textContent = t("common.skip")
  document.querySelector("nav").setAttribute("aria-label", t("common.nav"))
  document.querySelector("header .settings").textContent = t("common.settings")
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

function openSettings() {
  const dialog = h("dialog", { "aria-labelledby": "settings-title" },
    h("h2", { id: "settings-title" }, t("common.settings")),
    choice(t("common.language"), "language", Object.entries(LANGUAGES)),
    choice(t("common.theme"), "theme", [["auto", t("common.auto")], ["light", t("common.light")], ["dark", t("common.dark")]]),
    choice(t("common.contrast"), "contrast", [["auto", t("common.auto")], ["more", t("common.more")]]),
    choice(t("common.motion"), "motion", [["auto", t("common.auto")], ["less", t("common.less")]]),
    choice(t("common.where"), "where", [["gateway", t("common.where.gateway")], ["page", t("common.where.page")]]),
    offlinePanel(),
    h("form", { method: "dialog" }, h("button", { class: "main" }, t("common.close"))))
  dialog.addEventListener("close", () => {
    dialog.remove()
    document.querySelector("header .settings").focus()
  })
  document.body.append(dialog)
  dialog.showModal()
}

function openLogin() {
  if (document.querySelector("dialog.login")) return
  const field = h("input", { id: "token", type: "password", autocomplete: "off", required: true })
  const dialog = h("dialog", { class: "login", "aria-labelledby": "login-title" },
    h("h2", { id: "login-title" }, t("common.login")),
    h("p", {}, t("common.login.why")),
    h("form", { method: "dialog", on: { submit: () => setToken(field.value.trim()) } },
      h("label", { for: "token" }, t("common.token")), " ", field, " ",
      h("button", { class: "main" }, t("common.login.send"))))
  dialog.addEventListener("close", () => {
    dialog.remove()
    show({ focus: true })
  })
  document.body.append(dialog)
  dialog.showModal()
}

async function start() {
  apply()
  await loadTexts()
  frame()
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault() // the fragment belongs to the views
    document.getElementById("main").focus()
  })
  document.querySelector("header .settings").addEventListener("click", openSettings)
  window.addEventListener("hashchange", () => show({ focus: true }))
  window.addEventListener("login", openLogin)
  window.addEventListener("settings", async (event) => {
    if (!("language" in event.detail)) return
    await loadTexts()
    frame()
    await show({ focus: false })
    document.querySelector("dialog")?.remove()
    openSettings()
    announce(t("common.language"))
  })
  await show({ focus: false })
  startOffline()
}

start()

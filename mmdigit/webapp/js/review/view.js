// The view "review": the list of groups at #/review, work in one at #/review/GROUP/FORM/KIND and, for kind digits, /DIGIT.

import { token } from "../api.js"
import { fill, h } from "../dom.js"
import { settings } from "../settings.js"
import { language, t } from "../texts.js"
import { digitScreen } from "./digit_screen.js"
import { fieldScreen } from "./field_screen.js"
import { follow } from "./following.js"
import { groupList, problemScreen } from "./group_list.js"
import { nameScreen } from "./name.js"
import { taskOf } from "./tasks.js"

/** Fill root; returns what ends the view. */
export function mount(root) {
  let end = () => {}
  let shown = ""
  const task = taskOf(location.hash)
  fill(root, h("h1", {}, t("review.title")))

  // What is shown depends on the groups: without a gateway that has forms there is nothing to do.
  const followed = follow({
    onGroups(groups) {
      if (!token() && settings.name === "") return show("name", () => nameScreen(root, () => followed.look()))
      if (task) return show("work", () => (task.kind === "digits" ? digitScreen : fieldScreen)(root, task, followed))
      show("groups", () => groupList(root, followed, () => change("name")))
    },
    onProblem(error) {
      if (shown !== "work") show("problem", () => problemScreen(root, error))
    },
  })

  function show(name, screen) {
    if (shown === name) return
    end()
    shown = name
    root.lang = language()
    end = screen() ?? (() => {})
  }

  function change() {
    show("name", () => nameScreen(root, () => followed.look()))
  }

  function leave() {
    end({ now: true })
    end = () => {}
    shown = ""
  }

  window.addEventListener("pagehide", leave)
  return Object.assign(() => {
    window.removeEventListener("pagehide", leave)
    followed.end()
    end()
  }, { isBusy: () => shown === "work" }) // what is typed and the way back would be lost
}

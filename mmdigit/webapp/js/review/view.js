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
import { endParked } from "./parked.js"
import { taskOf } from "./tasks.js"

let cameFrom = null // the task that one has just left for the list

/** Fill root; returns what ends the view. */
export function mount(root) {
  let end = () => {}
  let shown = ""
  const address = location.hash
  const from = cameFrom
  cameFrom = null
  let asksName = !token() && settings.name === ""
  const task = taskOf(location.hash)
  fill(root, h("h1", {}, t("review.title")))

  // What is shown depends on the groups: without a gateway that has forms there is nothing to do.
  const followed = follow({
    onGroups(groups) {
      if (asksName) return askName()
      if (task) return show("work", () => (task.kind === "digits" ? digitScreen : fieldScreen)(root, task, followed))
      const takesFocus = shown === "name" || from !== null
      show("groups", () => groupList(root, followed, { onRename: askName, from, takesFocus }))
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

  function askName() {
    asksName = true
    show("name", () => nameScreen(root, () => {
      asksName = false
      followed.look()
    }))
  }

  function leave() {
    end({ now: true })
    endParked({ now: true })
    end = () => {}
    shown = ""
  }

  window.addEventListener("pagehide", leave)
  return () => {
    window.removeEventListener("pagehide", leave)
    followed.end()
    const stays = location.hash === address // shown again, in another language
    if (shown === "work" && !stays && location.hash.startsWith("#/review")) cameFrom = task
    end({ isParked: stays })
    if (!stays) endParked()
  }
}

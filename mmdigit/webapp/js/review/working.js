// The session behind a screen: gone on with where it was parked, or begun; told of the groups; parked or ended.

import { token } from "../api.js"
import { settings } from "../settings.js"
import { formsOf, groupOf } from "./following.js"
import { park, unpark } from "./parked.js"
import { session } from "./session.js"

/**
 * {work, listen(onListed), end({now, isParked})}. screen: {onEvent, draft}, see session(). onListed is called once and
 * whenever the list of groups says how much is left.
 */
export function working(task, followed, screen) {
  const parked = unpark(task)
  const clerk = token() ? null : settings.name
  const work = parked ?? session({ task, clerk, isOnlyForm: formsOf(followed.groups, task) === 1, ...screen })
  parked?.attach(screen)
  let quiet = () => {}
  return {
    work,
    listen(onListed) {
      const hear = (groups) => {
        work.listedLeft = groupOf(groups, task)?.left ?? null
        onListed()
      }
      quiet = followed.listen(hear)
      hear(followed.groups)
    },
    end({ now = false, isParked = false } = {}) {
      quiet()
      if (isParked) park(task, work)
      else work.end({ now })
    },
  }
}

// The groups as the gateway has them, asked for again and again while the view is open.

import { ApiError } from "../api.js"
import { tellAway } from "./away.js"
import { groups as fetchGroups } from "./requests.js"

const EVERY_MS = 5000

/** Ask now and every few seconds: onGroups(groups), or onProblem(ApiError) for what waiting alone does not mend. */
export function follow({ onGroups, onProblem }) {
  const ended = new AbortController()
  const listeners = new Set([onGroups])
  let timer = 0
  let groups = null

  async function look() {
    clearTimeout(timer)
    try {
      groups = await fetchGroups(ended.signal)
      tellAway("groups", false)
      listeners.forEach((listen) => listen(groups))
    } catch (error) {
      if (ended.signal.aborted) return
      if (!(error instanceof ApiError)) throw error
      tellAway("groups", error.passes)
      if (error.status === 401) return // the login shows the view again
      if (!error.passes) onProblem(error)
    }
    clearTimeout(timer)
    timer = setTimeout(look, EVERY_MS)
  }

  look()
  return {
    look,
    /** The groups as they were last; null before the first answer. */
    get groups() {
      return groups
    },
    /** Hear of groups, too; returns what ends it. */
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    end() {
      clearTimeout(timer)
      ended.abort()
      tellAway("groups", false)
    },
  }
}

/** The group of a task; null if it is not there. */
export const groupOf = (groups, task) => groups?.find(({ group, form }) => group === task.group && form === task.form) ?? null

/** How many forms the group of a task has. */
export const formsOf = (groups, task) => groups?.filter(({ group }) => group === task.group).length ?? 0

/** How many fields or boxes of a group others hold now. clerk: one's own name, or null. */
export const heldByOthers = (group, clerk) =>
  (group?.clerks ?? []).filter((other) => other.clerk !== clerk).reduce((sum, { holds }) => sum + holds, 0)

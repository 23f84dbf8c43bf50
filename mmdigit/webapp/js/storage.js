// What a browser keeps of the page, as JSON. One that keeps nothing is as good: the page goes on without.

/** A place for one value. where(): the storage; asked each time, since a browser may refuse it. */
export function slot(where, key) {
  return {
    /** What is kept; null if nothing is, or no JSON. Anything could stand there. */
    read() {
      try {
        return JSON.parse(where().getItem(key))
      } catch {
        return null
      }
    },
    write(value) {
      try {
        where().setItem(key, JSON.stringify(value))
      } catch {
        // See above.
      }
    },
    forget() {
      try {
        where().removeItem(key)
      } catch {
        // See above.
      }
    },
  }
}

// Says digits and short phrases from clips that come with the page, in the chosen language.

import { settings } from "../settings.js"

const kept = new Map() // path -> promise of a Blob
let end = () => {} // of what plays now

/**
 * Say a digit, if answers are to be aloud. asked: whether a person has just asked for it, by a button of its own: then it
 * is said in any case. Returns a promise of its end. What cannot be played is not heard: everything is on the page too.
 */
export const sayDigit = (label, options = {}) => say(String(label), options)

/** As sayDigit, for a phrase: the name of a file in clips/. */
export async function say(name, { asked = false } = {}) {
  if (!settings.speak && !asked) return
  hush()
  const mine = end
  const clip = await clipOf(`/app/clips/${settings.language}/${name}.ogg`)
  if (clip && end === mine) await playBlob(clip)
}

/** Play a recording. Returns a promise of its end; what played before ends now. */
export function playBlob(blob) {
  hush()
  const url = URL.createObjectURL(blob)
  const audio = new Audio(url)
  const free = () => URL.revokeObjectURL(url)
  return new Promise((resolve) => {
    const over = () => {
      audio.pause()
      if (audio.readyState || audio.error) free()
      else for (const event of ["loadedmetadata", "error"]) audio.addEventListener(event, free) // it is just being opened
      resolve()
    }
    end = over
    audio.addEventListener("ended", over)
    audio.addEventListener("error", over)
    audio.play().catch(over)
  })
}

/** End what plays now. */
export function hush() {
  const over = end
  end = () => {} // another function each time, by which a waiting `say` sees that it is late
  over()
}

function clipOf(path) {
  if (!kept.has(path)) {
    kept.set(path, load(path).then((clip) => {
      if (clip === null) kept.delete(path) // another time, perhaps
      return clip
    }))
  }
  return kept.get(path)
}

async function load(path) {
  try {
    const response = await fetch(path)
    return response.ok ? await response.blob() : null
  } catch {
    return null
  }
}

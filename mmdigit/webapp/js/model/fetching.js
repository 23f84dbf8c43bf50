// Files that the model needs, and the errors of reading in the page.

/**
 * Why the page cannot read. code: "unsupported", a browser or an address that cannot; "unreachable", a file is not
 * there; "damaged", it is another; "stopped", the worker has ended.
 */
export class ModelError extends Error {
  constructor(code, message) {
    super(message)
    this.code = code
  }
}

/** The content of a file of the app. sha256: that it must have, in hex; null if none is pinned. Throws ModelError. */
export async function fetchFile(path, sha256 = null) {
  let content
  try {
    const response = await fetch(path)
    if (!response.ok) throw new Error(`HTTP ${response.status}`)
    content = new Uint8Array(await response.arrayBuffer())
  } catch (error) {
    throw new ModelError("unreachable", `expected ${path}, got an error (${error.message}); connect and try again`)
  }
  if (sha256 !== null) {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content))
    const got = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("")
    if (got !== sha256) throw new ModelError("damaged", `expected ${path} with SHA-256 ${sha256}, got ${got}; load the page again`)
  }
  return content
}

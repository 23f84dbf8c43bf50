// Lets the app start and read without a network: keeps the gateway's files by version, and nothing of /v1/.
//
// Each start asks the gateway for its list of files, and waits ANSWER_MS at most. What is kept serves if it is the
// gateway's version, or if no gateway answers. Any other version comes from the gateway at once, so that nobody is held
// by what is kept; it is kept meanwhile. Where another program answers, it is left alone. What is kept is what the list
// names, by its SHA-256: whoever answers in between, such as the login page of a network, cannot put a file in its place.

const PREFIX = "mmdigit-" // and the version: a cache of its files; with LIST in it once it is whole
const START = "mmdigit" // the cache that says which version the last start chose
const LIST = "/app/files.json"
const INDEX = "/app/index.html"
const ANSWER_MS = 3000
const AT_ONCE = 4 // requests
const ATTEMPTS = 5
const AGAIN_MS = 2000 // between them

let known = null // what kept() resolves with
let work = Promise.resolve() // the last keep()

self.addEventListener("install", (event) => {
  self.skipWaiting()
  // Past this worker, where the browser can: Chromium loses the last requests of a page that leaves, once a worker hears
  // of them, even if it leaves them alone.
  event.waitUntil(event.addRoutes?.({ condition: { urlPattern: "/v1/*" }, source: "network" }).catch(() => {}))
})
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()))

self.addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request
  const { origin, pathname } = new URL(url)
  if (method !== "GET" || origin !== self.location.origin) return
  if (pathname === "/" && mode === "navigate") event.respondWith(start(event))
  else if (pathname.startsWith("/app/") && pathname !== LIST) event.respondWith(file(event.request, pathname))
})

// Takes {keep: language}, or {} to ask alone, with a port. Tells it {done, total} in bytes while it works, then {kept:
// {version, language, bytes} or null}, or {error}.
self.addEventListener("message", (event) => {
  const [port] = event.ports
  const { keep: language } = event.data
  const done = language ? keepNext(language, (progress) => port.postMessage(progress)) : Promise.resolve()
  event.waitUntil(done.then(kept).then(
    ([newest]) => port.postMessage({ kept: newest ? { ...newest, cache: undefined } : null }),
    (error) => port.postMessage({ error: error.message }),
  ))
})

async function start(event) {
  const copy = await chosen(event).catch(() => null) // whatever is wrong with it, the gateway may answer
  return copy ?? fetch(event.request)
}

/** The kept start page, if what is kept serves this start; null if the gateway does. */
async function chosen(event) {
  const whole = await kept()
  if (whole.length === 0) return null
  const list = await askForList(AbortSignal.timeout(ANSWER_MS))
  if (list === "gone") {
    event.waitUntil(leave())
    return null
  }
  const version = list === "away" ? whole[0].version : (list.version ?? "")
  await (await caches.open(START)).put(LIST, new Response(version))
  const found = whole.find((each) => each.version === version)
  // The next start tries again. An answer may also have been late.
  if (list === "away" || (version && !found)) event.waitUntil(keepNext(whole[0].language).catch(() => {}))
  return found ? found.cache.match(INDEX) : null
}

async function file(request, pathname) {
  const [whole, version] = await Promise.all([kept(), chosenVersion()])
  const found = whole.find((each) => each.version === version)
  const copy = await (found ?? whole[0])?.cache.match(pathname)
  if (found && copy) return copy
  try {
    return await fetch(request)
  } catch (error) {
    if (copy) return copy
    throw error
  }
}

/** {version, files: {path: {sha256, type, bytes}}}; "away" if no gateway answers, "gone" or "other" if another program does. */
async function askForList(signal = null) {
  try {
    const response = await fetch(LIST, { cache: "no-cache", signal })
    if (response.status >= 500) return "away"
    if (!response.ok) return [404, 410].includes(response.status) ? "gone" : "other"
    return await response.json()
  } catch (error) {
    return error instanceof SyntaxError ? "other" : "away"
  }
}

async function chosenVersion() {
  const found = await caches.match(LIST, { cacheName: START })
  return found ? found.text() : null
}

/** Each version that is kept whole, the newest first: {cache, version, language, bytes}. */
function kept() {
  known ??= find().catch(() => [])
  return known
}

async function find() {
  const found = []
  for (const name of await caches.keys()) {
    if (!name.startsWith(PREFIX)) continue
    const cache = await caches.open(name)
    const whole = await cache.match(LIST)
    if (whole) found.unshift({ cache, ...(await whole.json()) })
  }
  return found
}

function keepNext(language, tell = () => {}) {
  work = work.catch(() => {}).then(() => keepInAttempts(language, tell, ATTEMPTS))
  return work
}

/** As keep; goes on after a broken connection: where the device changes its network, all requests break off. */
async function keepInAttempts(language, tell, attempts) {
  try {
    await keep(language, tell)
  } catch (error) {
    if (!(error instanceof TypeError) || attempts === 1) throw error
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
    await keepInAttempts(language, tell, attempts - 1)
  }
}

/** Keep the gateway's version, with the clips of one language. Goes on where it was interrupted. */
async function keep(language, tell) {
  const list = await askForList()
  const [newest] = await kept()
  if (list === "away" && newest?.language === language) return
  if (!list.files) throw new Error("expected the gateway's list of files, got none; connect and try again")
  if (newest?.version === list.version && newest.language === language) return
  const wanted = Object.entries(list.files).filter(([path]) => !/^clips\//.test(path) || path.startsWith(`clips/${language}/`))
  const total = wanted.reduce((sum, [, { bytes }]) => sum + bytes, 0)
  const cache = await caches.open(PREFIX + list.version)
  const rest = wanted.values()
  let done = 0
  const fetchRest = async () => {
    for (const [path, listed] of rest) {
      await keepFile(cache, newest?.cache, `/app/${path}`, listed)
      done += listed.bytes
      tell({ done, total })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, fetchRest))
  await cache.put(LIST, Response.json({ version: list.version, language, bytes: total }))
  known = null
  const inUse = [PREFIX + list.version, PREFIX + (await chosenVersion()), START]
  const others = (await caches.keys()).filter((name) => name.startsWith(START) && !inUse.includes(name))
  await Promise.all(others.map((name) => caches.delete(name)))
}

async function keepFile(cache, before, path, listed) {
  if (await cache.match(path)) return
  const old = await before?.match(path)
  if (old && (await sha256Of(await old.clone().arrayBuffer())) === listed.sha256) return cache.put(path, old)
  const response = await fetch(path, { cache: "no-cache" })
  const content = await response.arrayBuffer()
  const sha256 = await sha256Of(content)
  if (!response.ok || sha256 !== listed.sha256) {
    throw new Error(`expected ${path} with the SHA-256 ${listed.sha256}, got HTTP ${response.status} with ${sha256}; try again`)
  }
  const headers = new Headers(response.headers) // with the page's rules
  headers.set("Content-Type", listed.type)
  headers.delete("Content-Encoding") // the browser has undone it
  headers.delete("Content-Length")
  await cache.put(path, new Response(content, { headers }))
}

async function sha256Of(content) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("")
}

/** Take everything away that it has brought. */
async function leave() {
  const own = (await caches.keys()).filter((name) => name.startsWith(START))
  await Promise.all(own.map((name) => caches.delete(name)))
  await self.registration.unregister()
}

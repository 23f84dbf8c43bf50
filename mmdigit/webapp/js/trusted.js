// The only maker of trusted script addresses (Trusted Types): the app's own modules and its service worker.

const OWN = /^\/(app\/js\/[a-z0-9_/]+\.js|service-worker\.js)$/

const policy = window.trustedTypes?.createPolicy("mmdigit", {
  createScriptURL(path) {
    if (!OWN.test(path)) throw new TypeError(`expected the path of the app's own script, got "${path}"; put it into js/`)
    return path
  },
})

/** The path as `new Worker` and `serviceWorker.register` take it. Throws TypeError if it is not the app's own. */
export const scriptUrl = (path) => policy?.createScriptURL(path) ?? path

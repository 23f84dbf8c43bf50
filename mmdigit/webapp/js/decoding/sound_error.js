// Errors of sound and recording: what a view tells a person depends on the code alone.

/** An Error with a code such as "silent". message: what was expected, what came, what to do. */
export const soundError = (code, message) => Object.assign(new Error(message), { code })

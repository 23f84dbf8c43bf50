// What goes on in Learn: the screen, and the exercise with what is written. It stays while the language is changed or
// other views are shown, until the tab is closed.

const NO_EXERCISE = { digit: null, first: true, byKeys: false, strokes: [], said: null }

/**
 * screen: the one shown. digit: to write, null without an exercise. first: whether it is the first try of it. byKeys:
 * whether it is written by keyboard. strokes: on the pad. said: null, or what was said of them: {told, failed, strokes}.
 */
export const going = { screen: "choosing", ...NO_EXERCISE }

/** The exercise is over. */
export const endExercise = () => Object.assign(going, NO_EXERCISE)

// Texts of the view "learn".

export default {
  "learn.name": "Learn",
  "learn.title": "Learn to write digits",
}

// Texts of the view "read".

export default {
  "read.name": "Read",
  "read.title": "Write it, say it",
}

// Texts of the view "watch".

export default {
  "watch.name": "Watch",
  "watch.title": "How it is going",
}

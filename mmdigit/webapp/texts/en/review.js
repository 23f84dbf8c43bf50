// Texts of the view "review".

export default {
  "review.name": "Review",
  "review.title": "Review fields",
}

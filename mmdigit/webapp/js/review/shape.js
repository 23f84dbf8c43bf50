// What a person types, looked at before it is sent: only what the gateway is sure to refuse is told here, at once.
// Checks of values stay with the gateway (mmdigit/forms/reviewing/typed.py).

const MARKS = ["true", "yes", "x", "1", "false", "no", "0", "blank"]

/** Null if the text may be a value of the field, or the key of the text that says what is wrong with it. */
export function shapeProblem(field, typed) {
  let text = typed.trim().replace(/^'/, "").trim()
  if (text === "") return "review.shape.nothing"
  if (text.includes("?")) return "review.shape.unread"
  if (text.startsWith("!")) text = text.slice(1).trim()
  const small = text.toLowerCase()
  if (field.type === "check") return MARKS.includes(small) ? null : "review.shape.check"
  if (small === "blank") return null
  if (field.type === "decimal") return /^[0-9]+([.,][0-9]+)?$/.test(text) ? null : "review.shape.decimal"
  if (field.type === "date" && /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text)) return null
  if (field.type === "time" && /^[0-9]{2}:[0-9]{2}$/.test(text)) return null
  const parted = field.type === "date" ? text.replaceAll(".", "") : text
  if (/^[0-9_]+$/.test(parted) && parted.length === field.count) return null
  return { date: "review.shape.date", time: "review.shape.time" }[field.type] ?? "review.shape.digits"
}

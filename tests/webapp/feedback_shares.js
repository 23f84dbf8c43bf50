// Writes every way of every digit many times, right and with planted faults, and counts what the feedback says.
// A function expression that returns {fault: {found, of, missed: {what: count}}}; HANDWRITING stands for the expression of
// handwriting.js, since the page's security policy lets no text become a script.

async ({ samples, count, seed, withModel, only }) => {
  const load = (name) => import(`/app/js/learn/${name}.js`)
  const [strokes, { WAYS, curve }, { feedback }] = await Promise.all(["strokes", "shapes", "feedback"].map(load))
  const hand = (HANDWRITING)({ strokes })
  const readingsOf = withModel ? (await load("reading")).readingsOf : async () => ({ reading: null, reversed: null })
  const random = hand.randomOf(seed)
  const shares = {}

  const codes = ({ remarks }) => remarks.map(({ code }) => code)
  const has = (code) => (told) => codes(told).includes(code)
  const silent = (told) => told.right && told.remarks.length === 0

  /** Write the lines and ask for the target: does the feedback do what it should? */
  async function ask(fault, what, lines, target, should, { height, more = {} } = {}) {
    if (lines === null || !(only?.includes(fault) ?? true)) return
    const written = hand.write(lines, random, height ? { height } : {})
    const { reading, reversed } = await readingsOf(written)
    const told = feedback({ strokes: written, target, reading, reversed, ...more })
    shares[fault] ??= { found: 0, of: 0, missed: {} }
    shares[fault].of += 1
    if (should(told)) return void (shares[fault].found += 1)
    const missed = `${what}: ${told.remarks.map((remark) => Object.values(remark).filter((value) => typeof value !== "object").join(" ")).join(", ") || "nothing"}`
    shares[fault].missed[missed] = (shares[fault].missed[missed] ?? 0) + 1
  }

  async function askOf(digit, way, what) {
    const { strokes: lines, parts, rings, bars, joins, gaps } = way
    const fault = (name, drawn, code, options) => ask(name, what, drawn, digit, has(code), options)
    await ask("silent: written well", what, lines, digit, silent)
    await ask("silent: a shaky hand", what, hand.shaky(lines, random), digit, silent)
    await ask("silent: in two pieces", what, hand.lifted(lines, random), digit, silent)
    for (const k of bars) {
      await ask("silent: a bar to the left", what, hand.replaced(lines, k, lines[k].toReversed()), digit, silent)
    }
    const straight = digit === 1 && !hand.hasCorner(lines[0])
    if (digit !== 0 && digit !== 8 && !straight) await fault("mirrored", hand.mirror(lines), "mirrored")
    if ([4, 6, 7, 9].includes(digit)) await fault("upside down", hand.turn(lines), "upside_down")
    if ([0, 6, 8, 9].includes(digit)) {
      for (const join of joins) await fault("open", hand.tear(way, join, hand.uniform(random, 0.22, 0.32)), "open")
    }
    for (const gap of gaps) {
      await fault("closed", hand.close(way, gap), "closed")
      await fault("closed", hand.bridge(way, gap), "closed")
    }
    if (rings.includes(0) && !bars.includes(0)) {
      await fault("started elsewhere", hand.shift(lines, 0, hand.uniform(random, 0.35, 0.65)), "start")
      const other = hand.replaced(lines, 0, lines[0].toReversed())
      await fault("other direction", other, "turning")
      await ask("silent: left hand", what, other, digit, silent, { more: { leftHanded: true } })
    } else if (!rings.includes(0)) {
      await fault("other direction", hand.replaced(lines, 0, lines[0].toReversed()), "reversed")
    }
    for (const [k, part] of parts.entries()) {
      if (part === "stem") {
        await fault("other direction", hand.replaced(lines, k, lines[k].toReversed()), "reversed")
        await fault("other order", lines.toReversed(), "order")
      }
      if (part === "stem" || (part === "bar" && digit === 5)) await fault("a stroke missing", lines.toSpliced(k, 1), "missing")
    }
    await fault("small", lines, "small", { height: hand.uniform(random, 0.12, 0.25) })
    const target = (digit + 1 + Math.floor(9 * random())) % 10
    const told = ({ right, remarks: [first] }) =>
      !right && ((first.code === "looks_like" && first.other === digit) || (first.code === "upside_down" && digit + target === 15))
    await ask("another digit", `${what} for ${target}`, lines, target, told)
  }

  async function askOfUnknown(digit, lines, what) {
    await ask("silent: unknown shapes", what, lines, digit, silent)
    await ask("right: unknown shapes", what, lines, digit, ({ right }) => right)
    if (digit === 0 || digit === 8 || (digit === 1 && !hand.hasCorner(lines[0]))) return
    const fault = (name, drawn, code) => ask(`${name}: unknown shapes`, what, drawn, digit, has(code))
    await fault("mirrored", hand.mirror(lines), "mirrored")
    if ([4, 6, 7, 9].includes(digit)) await fault("upside down", hand.turn(lines), "upside_down")
    await fault("other direction", hand.replaced(lines, 0, lines[0].toReversed()), "reversed")
  }

  for (let i = 0; i < count; i++) {
    for (const [digit, ways] of WAYS.entries()) {
      for (const [k, way] of ways.entries()) await askOf(digit, way, `${digit}, way ${k}`)
    }
    for (const [digit, templates] of samples.digits.entries()) {
      for (const [k, template] of templates.entries()) await askOfUnknown(digit, template.map(curve), `${digit}, sample ${k}`)
    }
    for (const [k, lines] of samples.scribbles.entries()) {
      const target = Math.floor(10 * random())
      await ask("not a digit", `scribble ${k} for ${target}`, lines.map(curve), target, ({ right }) => !right)
    }
  }
  return shares
}

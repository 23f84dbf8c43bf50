// Texts of the view "read".

export default {
  "read.name": "Read",
  "read.title": "Write it, say it",

  "read.pad.role": "drawing pad",
  "read.pad.help": "By keyboard: arrow keys move the pen, with Shift in small steps; Home, End, Page Up and Page Down move it aslant. Space puts it down and lifts it. Backspace takes back.",
  "read.pad.down": "Pen down",
  "read.pad.up": { one: "Pen up, {count} stroke", other: "Pen up, {count} strokes" },
  "read.pad.at.down": "Pen down at {across} across, {down} down",
  "read.pad.at.up": "Pen up at {across} across, {down} down",
  "read.pad.undone": { one: "Taken back, {count} stroke left", other: "Taken back, {count} strokes left" },
  "read.pad.nothing": "Nothing to take back",
}

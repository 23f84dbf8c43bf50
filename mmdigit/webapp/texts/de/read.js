// Texte der Ansicht "read".

export default {
  "read.name": "Lesen",
  "read.title": "Schreiben und sprechen",

  "read.pad.role": "Zeichenfläche",
  "read.pad.help": "Mit der Tastatur: Die Pfeiltasten bewegen den Stift, mit Umschalt in kleinen Schritten; Pos1, Ende, Bild auf und Bild ab bewegen ihn schräg. Die Leertaste setzt ihn auf und hebt ihn an. Die Rücktaste nimmt zurück.",
  "read.pad.down": "Stift unten",
  "read.pad.up": { one: "Stift oben, {count} Strich", other: "Stift oben, {count} Striche" },
  "read.pad.at.down": "Stift unten, {across} nach rechts, {down} nach unten",
  "read.pad.at.up": "Stift oben, {across} nach rechts, {down} nach unten",
  "read.pad.undone": { one: "Zurückgenommen, noch {count} Strich", other: "Zurückgenommen, noch {count} Striche" },
  "read.pad.nothing": "Nichts zurückzunehmen",
}

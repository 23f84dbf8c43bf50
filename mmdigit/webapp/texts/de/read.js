// Texte der Ansicht "read".

export default {
  "read.name": "Lesen",
  "read.title": "Schreiben und sprechen",
}

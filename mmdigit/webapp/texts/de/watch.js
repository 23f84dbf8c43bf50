// Texte der Ansicht "watch".

export default {
  "watch.name": "Verlauf",
  "watch.title": "Wie es läuft",
}

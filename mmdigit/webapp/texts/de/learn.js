// Texte der Ansicht "learn".

export default {
  "learn.name": "Lernen",
  "learn.title": "Ziffern schreiben lernen",
}

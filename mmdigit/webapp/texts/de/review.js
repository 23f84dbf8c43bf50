// Texte der Ansicht "review".

export default {
  "review.name": "Prüfen",
  "review.title": "Felder prüfen",
}

// Was jede Ansicht verwendet.

export default {
  "common.title": "{view} · mmdigit",
  "common.nav": "Ansichten",
  "common.skip": "Zum Inhalt springen",
  "common.settings": "Einstellungen",
  "common.language": "Sprache",
  "common.theme": "Farben",
  "common.auto": "Wie im System",
  "common.light": "Hell",
  "common.dark": "Dunkel",
  "common.contrast": "Kontrast",
  "common.more": "Stärker",
  "common.motion": "Bewegung",
  "common.less": "Weniger",
  "common.close": "Schließen",
  "common.login": "Anmelden",
  "common.login.why": "Dieses Gateway braucht ein Token, das sein Betreiber erstellt: mmdigit token create. Es wird vergessen, sobald Sie den Tab schließen.",
  "common.login.send": "Anmelden",
  "common.token": "Token",
  "common.away": "Das Gateway antwortet nicht. Was Sie getan haben, bleibt hier erhalten; es wird weiter versucht.",
}

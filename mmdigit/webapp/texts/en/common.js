// What every view uses.

export default {
  "common.title": "{view} · mmdigit",
  "common.nav": "Views",
  "common.skip": "Skip to the content",
  "common.settings": "Settings",
  "common.language": "Language",
  "common.theme": "Colours",
  "common.auto": "As the system has it",
  "common.light": "Light",
  "common.dark": "Dark",
  "common.contrast": "Contrast",
  "common.more": "More",
  "common.motion": "Motion",
  "common.less": "Less",
  "common.close": "Close",
  "common.login": "Log in",
  "common.login.why": "This gateway needs a token, which its operator makes: mmdigit token create. It is forgotten when you close the tab.",
  "common.login.send": "Log in",
  "common.token": "Token",
  "common.away": "The gateway does not answer. What you have done is kept here; trying again.",
}

"""What the page says aloud: only if somebody wants it, one clip at a time, in the chosen language."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.webapp.conftest import NewPage
from tests.webapp.sounds import call, packed

WATCH = """() => {
  window.ends = []
  window.most = 0 // sounds at once
  const all = []
  const Real = Audio
  window.Audio = class extends Real {
    constructor(...given) {
      super(...given)
      all.push(this)
      this.addEventListener("playing", () => {
        window.most = Math.max(window.most, all.filter((audio) => !audio.paused).length)
      })
    }
  }
}"""
SPEAK = "const { choose } = await import('/app/js/settings.js'); choose({ speak: true });"
END = "(name) => () => window.ends.push([name, Math.round(performance.now() - began)])"


@pytest.fixture
def asked(new_page: NewPage) -> tuple[Page, list[str]]:
    """A page, and the clips that it asks for."""
    page, paths = new_page(), list[str]()
    page.on("request", lambda request: paths.append(request.url) if request.url.endswith(".ogg") else None)
    page.evaluate(WATCH)
    page.mouse.click(5, 5)  # browsers play nothing for a page that nobody has touched
    return page, paths


def test_clips_say_nothing_unless_wanted(asked: tuple[Page, list[str]]) -> None:
    page, paths = asked
    call(page, "sound/clips.js", "await m.sayDigit(7); await m.say('conflict')")
    assert (paths, page.evaluate("window.most")) == ([], 0)
    call(page, "sound/clips.js", "await m.sayDigit(7, { asked: true })")
    assert len(paths) == page.evaluate("window.most") == 1


def test_clips_are_said_to_their_end_and_kept(asked: tuple[Page, list[str]]) -> None:
    page, paths = asked
    took = "const began = performance.now(); await m.sayDigit('7'); return performance.now() - began"
    assert call(page, "sound/clips.js", SPEAK + took) > 500
    assert [path.rpartition("/app/")[2] for path in paths] == ["clips/en/7.ogg"]
    call(page, "sound/clips.js", SPEAK + "await m.sayDigit(7); choose({ language: 'de' }); await m.sayDigit(7)")
    assert [path.rpartition("/app/")[2] for path in paths] == ["clips/en/7.ogg", "clips/de/7.ogg"]
    assert page.evaluate("window.most") == 1


def test_clips_end_when_others_begin(asked: tuple[Page, list[str]]) -> None:
    page, _ = asked
    body = f"""
    const began = performance.now()
    const ended = {END}
    const first = m.say("conflict").then(ended("conflict"))
    while (window.most === 0) await new Promise(requestAnimationFrame)
    const late = m.say("not_sure").then(ended("not_sure")) // replaced before it was loaded
    const second = m.sayDigit(1).then(ended("1"))
    await Promise.all([first, late, second])
    const recording = m.playBlob(new Blob([bytesOf(given)])).then(ended("recording"))
    m.hush()
    await recording"""
    recording = packed(Path("samples/pack/audio/1_00.wav").read_bytes())
    call(page, "sound/clips.js", SPEAK + body, recording)
    ends = dict(page.evaluate("window.ends"))
    assert ends["conflict"] < 2000  # it lasts three seconds
    assert ends["not_sure"] <= ends["1"] <= ends["recording"]
    assert page.evaluate("window.most") == 1


def test_clips_that_cannot_be_played_are_not_heard(asked: tuple[Page, list[str]]) -> None:
    page, _ = asked
    call(page, "sound/clips.js", "await m.playBlob(new Blob(['no sound']))")
    assert page.evaluate("window.most") == 0

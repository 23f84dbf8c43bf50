"""The recorder, with a real recording in place of the microphone."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from mmdigit.reading.audio.decode import read_clip
from mmdigit.reading.audio.normalize import decode_audio
from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from tests.webapp.conftest import NewPage
from tests.webapp.gateway import RunningApp
from tests.webapp.sounds import call, unpacked
from tests.webapp.speaking import FakeSpeech

SPOKEN = Path("samples/pack/audio/6_00.wav")
DIGIT = 6
RATE_HZ = 48_000  # of most microphones


FAKE_SPEECH = FakeSpeech(SPOKEN, RATE_HZ)

WATCH = """() => {
  window.streams = []
  window.contexts = []
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await ask(wanted)
    window.streams.push(stream)
    return stream
  }
  const Real = AudioContext
  window.AudioContext = class extends Real {
    constructor(...options) {
      super(...options)
      window.contexts.push(this)
    }
  }
}"""
IS_OFF = """() => window.streams.every((stream) => stream.getTracks().every((track) => track.readyState === "ended"))
  && window.contexts.every((context) => context.state === "closed")"""
RECORD = """
const levels = []
const states = []
try {
  const signal = typeof given === "number" ? AbortSignal.timeout(given) : null
  const finished = given?.finishAfter ? new AbortController() : null
  const onLevel = (level) => levels.push(level)
  const onState = (state) => {
    states.push(state)
    if (state === "speaking") setTimeout(() => finished?.abort(), given?.finishAfter)
  }
  const blob = await m.record({ onLevel, onState, signal, finished: finished?.signal })
  const bytes = new Uint8Array(await blob.arrayBuffer())
  return { file: btoa(String.fromCharCode(...bytes)), type: blob.type, levels, states }
} catch (error) {
  return { code: error.code, message: error.message, levels, states }
}"""


@pytest.fixture
def page(new_page: NewPage) -> Page:
    opened = new_page()
    opened.evaluate(WATCH)
    return opened


def check(found: dict[str, object]) -> None:
    """A recording of the word, which the model reads as the file itself."""
    assert found.get("code") is None, found
    content = unpacked(str(found["file"]))
    samples, rate_hz = read_clip(content)
    assert (rate_hz, samples.shape[1], found["type"]) == (8000, 1, "audio/wav")
    assert 0.8 < samples.shape[0] / rate_hz < 2.5
    assert found["states"] == ["waiting", "speaking"]
    answers = Predictor.load().predict(
        [ModelInput(None, decode_audio(data)) for data in (content, SPOKEN.read_bytes())]
    )
    assert [(answer.label, answer.decision) for answer in answers] == [(DIGIT, "accept")] * 2


def test_recorder_finds_the_word(page: Page) -> None:
    found = call(page, "sound/recorder.js", RECORD)
    check(found)
    levels = found["levels"]
    assert min(levels) >= 0
    assert 0.5 < max(levels) <= 1
    assert levels[-1] == 0
    page.wait_for_function(IS_OFF)
    assert page.evaluate("window.streams.length") == 1
    options = page.evaluate("window.streams[0].getTracks()[0].getConstraints()")
    assert options == {
        "echoCancellation": False,
        "noiseSuppression": False,
        "autoGainControl": False,
        "channelCount": 1,
    }


def test_recorder_resamples_where_the_browser_does_not(page: Page) -> None:
    """Firefox connects a microphone only to a context of its own rate."""
    page.evaluate("""() => {
      const Real = AudioContext
      window.AudioContext = class extends Real {
        createMediaStreamSource(stream) {
          if (this.sampleRate === 8000) throw new DOMException("different sample rates", "NotSupportedError")
          return super.createMediaStreamSource(stream)
        }
      }
    }""")
    check(call(page, "sound/recorder.js", RECORD))
    page.wait_for_function(IS_OFF)
    assert len(page.evaluate("window.contexts.map((context) => context.sampleRate)")) == 2


def test_recorder_is_off_after_it_was_cancelled(page: Page) -> None:
    assert call(page, "sound/recorder.js", RECORD, 200)["code"] == "cancelled"
    page.wait_for_function(IS_OFF)
    assert call(page, "sound/recorder.js", RECORD, 0)["code"] == "cancelled"
    page.wait_for_function(IS_OFF)


def test_recorder_keeps_what_was_said_when_it_is_ended(page: Page) -> None:
    found = call(page, "sound/recorder.js", RECORD, {"finishAfter": 100})
    samples, rate_hz = read_clip(unpacked(found["file"]))
    assert 0.2 < samples.shape[0] / rate_hz < 1.5
    page.wait_for_function(IS_OFF)


def test_recorder_gives_up_in_silence(page: Page) -> None:
    page.evaluate("""() => {
      navigator.mediaDevices.getUserMedia = async () => new AudioContext().createMediaStreamDestination().stream
    }""")
    assert call(page, "sound/recorder.js", RECORD)["code"] == "no_speech"


@pytest.mark.parametrize(
    ("flag", "code"),
    [("--use-fake-device-for-media-stream", "denied"), ("--use-fake-ui-for-media-stream", "no_microphone")],
)
def test_recorder_says_why_it_cannot_listen(browser: Browser, app: RunningApp, flag: str, code: str) -> None:
    """In a browser that has a microphone which nobody allows, and in one that has none."""
    program = shutil.which("chromium")
    other = browser.browser_type.launch(executable_path=program, args=["--no-sandbox", flag])
    try:
        page = other.new_page()
        page.goto(app.url)
        found = call(page, "sound/recorder.js", RECORD)
    finally:
        other.close()
    assert (found["code"], found["states"]) == (code, [])


def test_recorder_needs_a_secure_context(page: Page) -> None:
    page.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    assert call(page, "sound/recorder.js", RECORD)["code"] == "no_microphone"

"""The view Listen: a number is said or chosen, read back, corrected and confirmed, by mouse and by keyboard."""

import base64
import io
import re
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import FilePayload, Locator, Page, Request, expect

from lab.benchmarks.strings.joining import Condition
from mmdigit.numbers.spoken_reader import SpokenReader
from mmdigit.reading.predictor import Predictor
from tests.mmdigit.clips import as_bytes
from tests.mmdigit.numbers.drawing import row_of
from tests.webapp.barriers import barriers
from tests.webapp.conftest import NewPage
from tests.webapp.numbers import say
from tests.webapp.speaking import PACK, FakeSpeech
from tests.webapp.test_read import DROP, no_barriers_in_any_theme, press, status, tab_to

PROGRAMS = ("gateway",)  # no worker: the page hears alone
FAKE_SPEECH = FakeSpeech(PACK / "audio" / "7_00.wav", times=3)
NUMBER = "47110289"
CLIPBOARD = ["clipboard-read", "clipboard-write"]
DIGITS_OF = "async (answer) => (await import('/app/js/listen/digits.js')).digitsOf(answer)"


def file_of(waveform: NDArray[np.float32], name: str = "number.wav") -> FilePayload:
    buffer = io.BytesIO()
    soundfile.write(buffer, waveform, 8000, format="WAV", subtype="PCM_16")
    return {"name": name, "mimeType": "audio/wav", "buffer": buffer.getvalue()}


def open_listen(new_page: NewPage, **options: object) -> Page:
    page = new_page("/#/listen", **{"permissions": CLIPBOARD} | options)
    expect(page.locator(".view.listen h1")).to_be_visible()
    return page


def choose(page: Page, waveform: NDArray[np.float32]) -> None:
    """Choose a recording, as with the button."""
    page.locator("input[type=file][accept^=audio]").set_input_files(file_of(waveform))


def heard(page: Page) -> Locator:
    return page.locator(".listen-result h2")


def boxes(page: Page) -> Locator:
    return page.get_by_role("group", name="Digits of the number").get_by_role("textbox")


def values(page: Page) -> str:
    return "".join(str(value) for value in boxes(page).evaluate_all("(all) => all.map((each) => each.value)"))


def copied(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


def until_level(page: Page, percent: str) -> None:
    """Until what the microphone hears is that loud."""
    page.wait_for_function(f"() => parseFloat(document.querySelector('.speak-level-bar').style.inlineSize) {percent}")


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def doubtful_number() -> NDArray[np.float32]:
    """In loud noise; the model doubts one digit of four."""
    reader = SpokenReader(Predictor.load())
    for seed in range(100):
        number = say("5913", Condition(100, 10.0), seed)
        digits = reader.read_waveform(number.waveform).digits
        if len(digits) == 4 and sum(digit.confidence < 0.9 for digit in digits) == 1:
            return number.waveform
    raise AssertionError("expected the model to doubt a digit of a number in noise, got none")


def hear_clips(page: Page) -> None:
    """Note the names of the clips that are played from now on, for played."""
    page.evaluate("""() => {
      window.clips = []
      const names = new Map()
      const fetched = window.fetch
      window.fetch = async (path, ...more) => {
        const response = await fetched(path, ...more)
        const name = /clips\\/\\w+\\/(\\w+)\\.ogg$/.exec(path)?.[1]
        if (!name) return response
        const blob = await response.blob()
        names.set(blob, name)
        return { ok: response.ok, blob: async () => blob }
      }
      const make = URL.createObjectURL
      URL.createObjectURL = (blob) => {
        if (names.has(blob)) window.clips.push(names.get(blob))
        return make(blob)
      }
    }""")


def played(page: Page, count: int) -> list[str]:
    page.wait_for_function("(count) => window.clips.length >= count", arg=count)
    return list(page.evaluate("window.clips"))


def test_number_is_said_and_confirmed_by_mouse(new_page: NewPage) -> None:
    page = open_listen(new_page)
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request))
    no_barriers_in_any_theme(page)
    hear_clips(page)
    button(page, "Say a number").click()
    expect(status(page)).to_have_text("Listening… say the number digit by digit.")
    no_barriers_in_any_theme(page)
    expect(heard(page)).to_have_text("Heard 3 digits: 7 7 7")
    expect(heard(page)).to_be_focused()
    expect(status(page)).to_have_text("Is that the number?")
    no_barriers_in_any_theme(page)
    assert played(page, 5)[:5] == ["i_heard", "7", "7", "7", "is_that_right"]
    assert copied(page) == ""  # nothing is accepted before somebody says so
    page.set_viewport_size({"width": 320, "height": 256})  # as at 400 % zoom
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    button(page, "Yes, copy it").click()
    expect(heard(page)).to_have_text("Confirmed: 7 7 7")
    expect(status(page)).to_have_text("Copied.")
    assert copied(page) == "777"
    assert played(page, 9)[5:] == ["confirmed", "7", "7", "7"]
    expect(page.get_by_role("textbox", name="The number")).to_have_value("777")
    no_barriers_in_any_theme(page)
    button(page, "Change it").click()
    expect(boxes(page).first).to_be_focused()
    button(page, "Start over").click()
    expect(button(page, "Say a number")).to_be_focused()
    expect(page.get_by_text("No number yet.")).to_be_visible()
    paths = {urlsplit(request.url).path for request in requests if not request.url.startswith("blob:")}
    assert "/app/model/spoken_calibration.json" in paths
    assert [path for path in paths if not path.startswith("/app/")] == []


def test_number_is_said_and_corrected_by_keyboard_alone(new_page: NewPage) -> None:
    page = open_listen(new_page)
    expect(page.locator(".view.listen h1")).to_be_visible()
    tab_to(page, page.get_by_role("switch", name="Read numbers back aloud"))
    press(page, "Space")
    hear_clips(page)
    page.locator("main").focus()
    tab_to(page, button(page, "Say a number"))
    press(page, "Enter")
    expect(status(page)).to_have_text("After the tone, say the number digit by digit. Then wait, or press Enter.")
    expect(page.locator(".speak-state").first).to_have_text("Listening… say the number digit by digit.")
    expect(page.locator(".speak-level").first).to_be_visible()
    until_level(page, "> 25")
    until_level(page, "< 10")  # a digit was said
    press(page, "Enter")  # which ends it
    expect(heard(page)).to_have_text(re.compile(r"^Heard \d digits?: 7"))
    expect(heard(page)).to_be_focused()
    choose(page, say(NUMBER, Condition(150)).waveform)
    expect(heard(page)).to_have_text("Heard 8 digits: 4 7 1 1 0 2 8 9")
    tab_to(page, boxes(page).first)
    expect(boxes(page).first).to_have_accessible_name("Digit 1 of 8.")
    press(page, "ArrowRight ArrowRight 5")
    expect(boxes(page).nth(3)).to_be_focused()
    expect(status(page)).to_have_text("Digit 3 is 5 now.")
    press(page, "ArrowLeft a")
    assert values(page) == "47510289"
    press(page, "End Backspace")
    expect(status(page)).to_have_text("Removed, 7 digits left.")
    assert values(page) == "4751028"
    expect(boxes(page).nth(6)).to_be_focused()
    tab_to(page, button(page, "Add one after"))
    press(page, "Enter")
    expect(boxes(page).nth(7)).to_be_focused()
    expect(boxes(page).nth(7)).to_have_accessible_name("Digit 8 of 8. still to be typed.")
    tab_to(page, button(page, "Yes, copy it"))
    press(page, "Enter")
    expect(boxes(page).nth(7)).to_be_focused()  # one is still to be typed
    expect(status(page)).to_have_text("Digit 8: still to be typed")
    press(page, "6")
    expect(status(page)).to_have_text("Digit 8 is 6 now.")
    tab_to(page, button(page, "Yes, copy it"))
    press(page, "Space")
    expect(heard(page)).to_have_text("Confirmed: 4 7 5 1 0 2 8 6")
    expect(heard(page)).to_be_focused()
    assert copied(page) == "47510286"
    assert page.evaluate("window.clips") == []  # the screen reader alone speaks
    tab_to(page, button(page, "Hear it again"))
    press(page, "Enter")
    assert played(page, 9) == ["confirmed", *"47510286"]


def test_doubtful_digits_are_named_and_reviewed(new_page: NewPage) -> None:
    page = open_listen(new_page)
    hear_clips(page)
    choose(page, doubtful_number())
    expect(heard(page)).to_have_text(re.compile(r"Heard 4 digits: \d \d \d \d"))
    names = boxes(page).evaluate_all("(all) => all.map((each) => each.ariaLabel)")
    place = next(at for at, name in enumerate(names) if "not sure" in name)
    found = re.match(rf"Digit {place + 1} of 4\. not sure: (\d) or (\d)\.", names[place])
    assert found is not None
    expect(status(page)).to_have_text(re.compile(rf"Digit {place + 1}: not sure: {found[1]} or {found[2]}.*Is that"))
    assert "perhaps" in played(page, 7)
    no_barriers_in_any_theme(page)
    expect(page.get_by_role("heading", name=f"Digit {place + 1} of 4")).to_be_visible()
    button(page, f"It is {found[2]}").click()
    assert values(page)[place] == found[2]
    boxes(page).nth(place).focus()
    expect(page.locator(".listen-digit p").first).to_have_text(f"{found[2]}, as you typed it")
    with page.expect_event("console", lambda message: message.text == "a recording"):
        page.evaluate("""() => {
          const make = URL.createObjectURL
          URL.createObjectURL = (blob) => (blob.type === "audio/wav" && console.log("a recording"), make(blob))
        }""")
        button(page, "Hear what was said").click()


def test_digit_is_said_again_at_its_place(new_page: NewPage) -> None:
    page = open_listen(new_page)
    choose(page, say("4711", Condition(150)).waveform)
    expect(heard(page)).to_have_text("Heard 4 digits: 4 7 1 1")
    boxes(page).nth(2).focus()
    button(page, "Say this digit again").click()
    expect(boxes(page).nth(2)).to_have_value("7")
    expect(boxes(page).nth(2)).to_be_focused()
    expect(status(page)).to_have_text(re.compile("^Digit 3 is 7 now"))
    assert values(page) == "4771"


def test_count_that_differs_is_told(new_page: NewPage) -> None:
    page = open_listen(new_page)
    page.get_by_label("How many digits").fill("9")
    choose(page, say(NUMBER, Condition(150)).waveform)
    expect(page.locator(".listen-why")).to_contain_text("I heard 8 digits; you said there are 9.")
    page.get_by_label("How many digits").fill("8")
    choose(page, say(NUMBER, Condition(150)).waveform)
    expect(heard(page)).to_have_text("Heard 8 digits: 4 7 1 1 0 2 8 9")
    expect(page.locator(".listen-why p")).to_have_count(0)
    for wrong, kept in (("0", ""), ("-3", ""), ("1000", "64")):
        page.get_by_label("How many digits").fill(wrong)
        page.get_by_label("How many digits").blur()
        expect(page.get_by_label("How many digits")).to_have_value(kept)


def test_what_is_no_number_says_so(new_page: NewPage) -> None:
    page = open_listen(new_page)
    hear_clips(page)
    noise = np.random.default_rng(0).normal(0, 0.1, 24_000)
    choose(page, np.asarray(noise.clip(-1, 1), np.float32))
    expect(heard(page)).to_have_text("No digit heard")
    expect(status(page)).to_have_text(re.compile("Say the digits one by one"))
    assert played(page, 1) == ["not_heard"]
    expect(button(page, "Yes, copy it")).to_be_hidden()
    assert barriers(page) == []
    choose(page, np.zeros(16_000, np.float32))
    expect(status(page)).to_have_text("The recording is silent. Say the number again.")
    choose(page, np.zeros(61 * 8000, np.float32))
    expect(status(page)).to_have_text("The recording is too long. It may last a minute.")
    no_sound: FilePayload = {"name": "a.wav", "mimeType": "audio/wav", "buffer": b"no sound"}
    page.locator("input[type=file][accept^=audio]").set_input_files(no_sound)
    expect(status(page)).to_have_text("This recording cannot be played. Choose another file.")
    assert barriers(page) == []


def test_number_stays_in_another_language(new_page: NewPage) -> None:
    page = open_listen(new_page, viewport={"width": 320, "height": 640})
    choose(page, say("4711", Condition(150)).waveform)
    expect(heard(page)).to_have_text("Heard 4 digits: 4 7 1 1")
    page.get_by_role("link", name="Learn").click()
    expect(page.locator(".view.learn h1")).to_be_visible()
    page.get_by_role("link", name="Listen").click()
    expect(heard(page)).to_have_text("Heard 4 digits: 4 7 1 1")
    button(page, "Settings").click()
    page.get_by_role("radio", name="Deutsch").check()
    button(page, "Schließen").click()
    expect(heard(page)).to_have_text("4 Ziffern gehört: 4 7 1 1")
    expect(page.get_by_text("Sagen Sie die Ziffern auf Englisch")).to_be_visible()
    hear_clips(page)
    with page.expect_response(re.compile(r"/clips/de/is_that_right\.ogg$")):
        button(page, "Noch einmal hören").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert barriers(page) == []
    button(page, "Ja, kopieren").click()
    expect(heard(page)).to_have_text("Bestätigt: 4 7 1 1")
    assert copied(page) == "4711"


def test_number_is_kept_where_nothing_copies(new_page: NewPage) -> None:
    page = open_listen(new_page, permissions=[])
    page.evaluate("""() => {
      Object.defineProperty(navigator, "clipboard", { value: undefined })
      document.execCommand = () => false
    }""")
    choose(page, say("4711", Condition(150)).waveform)
    button(page, "Yes, copy it").click()
    expect(status(page)).to_have_text(re.compile("It could not be copied"))
    expect(page.get_by_role("textbox", name="The number")).to_have_value("4711")
    page.evaluate("document.execCommand = () => true")
    button(page, "Copy it again").click()
    expect(status(page)).to_have_text("Copied.")
    assert barriers(page) == []


def picture_of(line: NDArray[np.uint8], name: str = "number.png") -> FilePayload:
    return {"name": name, "mimeType": "image/png", "buffer": as_bytes(Image.fromarray(line))}


def choose_picture(page: Page, line: NDArray[np.uint8]) -> None:
    page.locator("input[type=file][accept^=image]").set_input_files(picture_of(line))


def test_number_in_a_picture_is_heard_and_confirmed(new_page: NewPage) -> None:
    page = open_listen(new_page)
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request))
    hear_clips(page)
    choose_picture(page, row_of([4, 7, 1, 8, 2, 0], [12] * 5)[0])
    expect(heard(page)).to_have_text("Read 6 digits: 4 7 1 8 2 0")
    expect(heard(page)).to_be_focused()
    assert [clip for clip in played(page, 8)[:8] if clip != "perhaps"][:2] == ["i_read", "4"]
    expect(page.locator(".listen-crop canvas")).to_be_visible()
    expect(page.locator(".listen-digit p").first).to_have_text(re.compile(r"Read as \d \("))
    no_barriers_in_any_theme(page)
    button(page, "Yes, copy it").click()
    expect(heard(page)).to_have_text("Confirmed: 4 7 1 8 2 0")
    assert copied(page) == "471820"
    assert [each.url for each in requests if "/v1/" in each.url] == []


def test_picture_tells_why_to_look(new_page: NewPage) -> None:
    page = open_listen(new_page, viewport={"width": 320, "height": 640})
    page.get_by_label("How many digits").fill("4")
    choose_picture(page, row_of([0, 0, 8, 4], [-14, 12, 12])[0])
    expect(heard(page)).to_have_text(re.compile("^Read 4 digits"))
    expect(page.locator(".listen-why")).to_contain_text("Digits touch, and where one ends is not certain.")
    expect(page.locator(".listen-why")).to_contain_text(re.compile("Digit 1: not sure: 0 or"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert barriers(page) == []
    choose_picture(page, np.full((100, 300), 220, np.uint8))
    expect(heard(page)).to_have_text("No number found")
    expect(status(page)).to_have_text(re.compile("Show one line of digits"))
    no_picture: FilePayload = {"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"}
    page.locator("input[type=file][accept^=image]").set_input_files(no_picture)
    expect(status(page)).to_have_text(re.compile("This is not a picture that can be read"))
    page.get_by_label("How many digits").fill("")
    encoded = base64.b64encode(picture_of(row_of([4, 7], [12])[0])["buffer"]).decode()
    page.evaluate(DROP, {"encoded": encoded, "selector": "header"})
    expect(heard(page)).to_have_text("Read 2 digits: 4 7")


def test_number_is_photographed(new_page: NewPage) -> None:
    page = open_listen(new_page)
    button(page, "Photograph a number").click()
    expect(page.get_by_text("Hold one line of digits inside the frame.")).to_be_visible()
    no_barriers_in_any_theme(page)
    press(page, "Escape")
    expect(button(page, "Photograph a number")).to_be_focused()
    press(page, "Enter")
    expect(page.get_by_role("button", name="Take it")).to_be_focused()
    press(page, "Enter")
    expect(heard(page)).to_be_focused()  # whatever the browser's test picture shows
    expect(heard(page)).to_have_text(re.compile("^(Read|No number found)"))


@pytest.mark.parametrize("confidence", [0.94, 0.99])
def test_an_uncertain_number_has_a_doubtful_digit(new_page: NewPage, confidence: float) -> None:
    digit = {"label": 3, "confidence": 0.999, "runner_up": 8, "runner_up_confidence": 0.001, "start_s": 0, "end_s": 1}
    digits = [digit, {**digit, "confidence": confidence}]
    page = open_listen(new_page)
    for reasons, doubtful in (([], confidence < 0.95), (["low_confidence"], True)):
        found = page.evaluate(DIGITS_OF, {"digits": digits, "reasons": reasons})
        assert [each["doubtful"] for each in found] == [False, doubtful]

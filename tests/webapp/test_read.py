"""The view Read: digits that are written, spoken, photographed, chosen and pasted, by mouse and by keyboard."""

import base64
import re
import shutil

import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Page, Response, expect

from samples.strokes import SCRIBBLES
from tests.webapp.barriers import barriers
from tests.webapp.conftest import NewPage, forgive
from tests.webapp.gateway import RunningApp
from tests.webapp.speaking import PACK, FakeSpeech
from tests.webapp.writing import write_by_mouse, write_strokes

FAKE_SPEECH = FakeSpeech(PACK / "audio" / "7_00.wav")
SPOKEN = 7
PICTURE = PACK / "images" / "4_17.png"

PASTE = """async (encoded) => {
  const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0))
  const clipboardData = new DataTransfer()
  clipboardData.items.add(new File([bytes], "pasted.png", { type: "image/png" }))
  document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }))
}"""
DROP = """async ({ encoded, selector }) => {
  const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0))
  const dataTransfer = new DataTransfer()
  dataTransfer.items.add(new File([bytes], "dropped.png", { type: "image/png" }))
  const where = document.querySelector(selector)
  for (const type of ["dragover", "drop"]) {
    where.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }))
  }
}"""
WATCH_STREAMS = """() => {
  window.streams = []
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await ask(wanted)
    window.streams.push(stream)
    return stream
  }
}"""
TELL_PROBLEM = "async (code) => (await import('/app/js/read/words.js')).problemText({ code, message: '' })"
LIVE_TRACKS = "streams.flatMap((each) => each.getTracks()).filter((track) => track.readyState === 'live').length"


def pad(page: Page) -> Locator:
    return page.get_by_role("application", name="Pad to write digits on")


def click(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def status(page: Page) -> Locator:
    return page.locator("#status")


def answer(page: Page) -> Locator:
    return page.locator(".read-digit")


def cards(page: Page) -> Locator:
    return page.get_by_role("list", name="To read").get_by_role("listitem")


def press(page: Page, keys: str) -> None:
    """Press keys such as "Space ArrowDown*3"."""
    for key in keys.split():
        name, _, times = key.partition("*")
        for _ in range(int(times or 1)):
            page.keyboard.press(name)


def tab_to(page: Page, wanted: Locator) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if wanted.evaluate("(element) => element === document.activeElement"):
            return
    raise AssertionError(
        f"expected {wanted} within reach of Tab, got {page.evaluate('document.activeElement.outerHTML')}"
    )


def no_barriers_in_any_theme(page: Page) -> None:
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        assert barriers(page) == [], theme


def test_digit_written_and_spoken_by_mouse(new_page: NewPage) -> None:
    page = new_page("/")
    expect(pad(page)).to_be_visible()
    expect(page.get_by_text("A model reads the digit that you write, say or show.")).to_be_visible()
    no_barriers_in_any_theme(page)
    click(page, "Clear the pad")
    expect(status(page)).to_have_text("The pad is empty already.")
    click(page, "Read")
    expect(status(page)).to_have_text("Write a digit, say one, or do both. Then choose Read.")
    assert page.evaluate(TELL_PROBLEM, "damaged").startswith("The model that was loaded is not the right one.")

    write_by_mouse(pad(page), SPOKEN)
    click(page, "Say it")
    expect(status(page)).to_have_text("Listening… say one digit.")
    expect(status(page)).to_have_text("Got it. Choose Read.")
    expect(cards(page)).to_have_count(2)
    no_barriers_in_any_theme(page)

    click(page, "Read")
    expect(answer(page)).to_have_text("7")
    expect(page.locator(".read-kind")).to_have_text(re.compile("Sure: .*%"))
    expect(status(page)).to_have_text(re.compile(r"^7\. Sure: .*Written: 7, .*Spoken: 7, .*Together: 7, "))
    rows = page.get_by_role("table", name="How likely each digit is").get_by_role("row")
    expect(rows).to_have_count(11)
    expect(rows.nth(8)).to_have_text(re.compile(r"^7.*99\.\d%"))
    page.get_by_text("What the model saw").click()
    expect(page.get_by_role("img", name=re.compile("The digit as the model saw it: light on dark"))).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("The sound as the model heard it"))).to_be_visible()
    no_barriers_in_any_theme(page)
    page.set_viewport_size({"width": 320, "height": 256})  # as at 400 % zoom
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    bounds = pad(page).bounding_box()
    assert bounds is not None
    assert bounds["width"] / bounds["height"] == pytest.approx(1.4, abs=0.02)  # else part of it could not be written on

    click(page, "Remove: Written")
    expect(cards(page)).to_have_count(1)
    assert page.evaluate("document.activeElement.ariaLabel") == "Remove: Spoken"
    click(page, "Read")
    expect(answer(page)).to_have_text("7")
    click(page, "Start over")
    expect(cards(page)).to_have_count(0)


def test_digits_by_keyboard_alone(new_page: NewPage) -> None:
    page = new_page("/")
    expect(pad(page)).to_be_visible()
    tab_to(page, pad(page))
    press(
        page,
        "ArrowUp*7 ArrowLeft*4 Space ArrowRight*8 End*2 ArrowDown End ArrowDown End ArrowDown*2 End ArrowDown*4 Space",
    )
    expect(status(page)).to_have_text("Pen up, 1 stroke")
    press(page, "Enter")
    expect(status(page)).to_have_text(re.compile(r"^7\. "))
    expect(page.locator(".read-answer")).to_have_class(re.compile("sure"))

    tab_to(page, page.get_by_role("button", name="Say it"))
    press(page, "Enter")
    expect(status(page)).to_have_text("Say one digit after the tone.")
    expect(page.locator(".speak-state")).to_have_text("Listening… say one digit.")
    assert status(page).text_content() == "Say one digit after the tone."  # the microphone would hear more than that
    expect(status(page)).to_have_text("Got it. Choose Read.")
    tab_to(page, page.get_by_role("button", name="Read", exact=True))
    press(page, "Space")
    expect(status(page)).to_have_text(re.compile(r"^7\. Sure: .*Together: 7"))

    tab_to(page, page.get_by_role("button", name="Start over"))
    press(page, "Enter")
    expect(pad(page)).to_be_focused()
    press(page, "ArrowUp*14 Space ArrowDown*15 Space Enter")
    expect(status(page)).to_have_text(re.compile(r"^1\. "))
    assert page.evaluate("document.activeElement.tagName") == "CANVAS"


def test_several_digits_make_a_number(new_page: NewPage) -> None:
    page = new_page("/")
    click(page, "Say it")
    expect(cards(page)).to_have_text(["▶Spoken✕"])
    write_by_mouse(pad(page), 1, 7, 5, gap=0.12)
    expect(cards(page).last).to_contain_text("Spoken: not used, since there are several digits")
    click(page, "Remove: Spoken")
    expect(cards(page)).to_have_count(3)
    expect(cards(page)).to_have_text([re.compile(f"{n}. Written") for n in (1, 2, 3)])
    click(page, "Read")
    expect(answer(page)).to_have_text("175")
    expect(status(page)).to_have_text(re.compile(r"^1 7 5\. "))
    page.locator(".read-several summary").nth(1).click()
    expect(page.get_by_role("table")).to_have_count(1)
    no_barriers_in_any_theme(page)
    click(page, "Remove: 2. Written")
    expect(cards(page)).to_have_count(2)
    click(page, "Undo")
    expect(cards(page)).to_have_count(3)
    click(page, "Clear the pad")
    expect(status(page)).to_have_text("Pad cleared. Undo brings it back.")
    expect(cards(page)).to_have_count(0)
    click(page, "Undo")
    expect(cards(page)).to_have_count(3)


def test_pictures_chosen_pasted_and_dropped(new_page: NewPage) -> None:
    page = new_page("/")
    expect(pad(page)).to_be_visible()
    with page.expect_file_chooser() as chooser:
        click(page, "Choose a picture")
    chooser.value.set_files(PICTURE)
    expect(status(page)).to_have_text("Picture added")
    click(page, "Read")
    expect(answer(page)).to_have_text("4")
    encoded = base64.b64encode(PICTURE.read_bytes()).decode()
    page.evaluate(PASTE, encoded)
    expect(status(page)).to_have_text("Picture pasted")
    page.evaluate(DROP, {"encoded": encoded, "selector": "header"})
    expect(cards(page)).to_have_count(3)
    click(page, "Read")
    expect(answer(page)).to_have_text("444")
    no_picture: FilePayload = {"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"}
    page.locator("input[type=file]").set_input_files(no_picture)
    expect(status(page)).to_have_text(re.compile("This is not a picture that can be read"))
    expect(cards(page)).to_have_count(3)


def test_conflict_and_scribble_in_plain_words(new_page: NewPage) -> None:
    page = new_page("/")
    write_by_mouse(pad(page), 3)
    click(page, "Say it")
    expect(cards(page)).to_have_count(2)
    click(page, "Read")
    expect(page.locator(".read-kind")).to_have_text(re.compile("You wrote 3 and said 7"))
    expect(status(page)).to_have_text(re.compile("The two do not agree. Remove the one that is wrong"))
    no_barriers_in_any_theme(page)

    click(page, "Start over")
    write_strokes(pad(page), SCRIBBLES[0])
    click(page, "Read")
    expect(page.locator(".read-kind")).to_have_text(re.compile("This may not be a digit"))
    expect(answer(page)).to_have_text("?")
    write_by_mouse(pad(page), 3, left=0.9)
    click(page, "Read")
    expect(answer(page)).to_have_text("?3")
    expect(status(page)).to_have_text(re.compile(r"^unclear 3\. Look at 1 digit again\. Digit 1: This may not be"))


def test_camera_takes_a_photo_and_stops(new_page: NewPage) -> None:
    page = new_page("/")
    expect(pad(page)).to_be_visible()
    page.evaluate(WATCH_STREAMS)
    click(page, "Take a photo")
    shutter = page.get_by_role("button", name="Take it")
    expect(shutter).to_be_focused()
    expect(page.get_by_text("Hold the digit inside the square.")).to_be_visible()
    assert page.evaluate(LIVE_TRACKS) == 1
    no_barriers_in_any_theme(page)
    press(page, "Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Take a photo")).to_be_focused()
    assert page.evaluate(LIVE_TRACKS) == 0
    press(page, "Enter")
    expect(shutter).to_be_focused()
    press(page, "Enter")
    expect(status(page)).to_have_text("Photo taken")
    expect(page.get_by_role("button", name="Read", exact=True)).to_be_focused()
    assert page.evaluate(LIVE_TRACKS) == 0
    press(page, "Enter")
    expect(answer(page)).to_be_visible()


def test_gateway_may_die_and_come_back(new_page: NewPage, app: RunningApp) -> None:
    page = new_page("/")
    switch = page.get_by_role("switch", name="Read in this page alone")
    switch.check()
    write_by_mouse(pad(page), 3)
    click(page, "Read")
    expect(answer(page)).to_have_text("3")  # so the model is there
    switch.uncheck()
    app.kill("gateway")
    try:
        click(page, "Read")
        expect(page.locator("#notice")).to_contain_text("The gateway does not answer")
        no_barriers_in_any_theme(page)
        click(page, "Read in this page instead")
        expect(answer(page)).to_have_text("3")
        expect(switch).to_be_checked()
        expect(page.locator("#notice")).to_be_hidden()
        switch.uncheck()
        click(page, "Read")
        expect(page.locator("#notice")).to_be_visible()
        expect(cards(page)).to_have_count(1)
    finally:
        app.restart("gateway")
    expect(answer(page)).to_have_text("3")
    expect(page.locator("#notice")).to_be_hidden()
    forgive(new_page, "ERR_CONNECTION_REFUSED")


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_kept_page_reads_in_place_of_the_gateway(new_page: NewPage, app: RunningApp, by: str) -> None:
    page = new_page("/", service_workers="allow")
    expect(page.get_by_text("Ready to work without a network.")).to_be_attached()
    write_by_mouse(pad(page), 3)
    in_place = page.locator(".read-in-place")
    read = page.get_by_role("button", name="Read", exact=True)

    def press_read() -> None:
        read.click() if by == "mouse" else read.press("Enter")

    app.kill("gateway")
    try:
        press_read()
        expect(answer(page)).to_have_text("3")
        expect(in_place).to_contain_text("this page has read it alone")
        expect(status(page)).to_contain_text("this page has read it alone")
        expect(page.locator("#notice")).to_be_hidden()
        expect(page.get_by_role("switch", name="Read in this page alone")).not_to_be_checked()
        no_barriers_in_any_theme(page)
    finally:
        app.restart("gateway")
    press_read()
    expect(in_place).to_have_count(0)
    expect(answer(page)).to_have_text("3")
    forgive(new_page, "ERR_CONNECTION_REFUSED")


def test_page_alone_reads_without_the_gateway(new_page: NewPage) -> None:
    page = new_page("/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    switch = page.get_by_role("switch", name="Read in this page alone")
    expect(switch).to_have_accessible_description("Nothing that you write or say leaves this device.")
    switch.check()
    write_by_mouse(pad(page), 3)
    click(page, "Read")
    expect(answer(page)).to_have_text("3")
    click(page, "Say it")
    expect(cards(page)).to_have_count(2)
    click(page, "Read")
    expect(page.locator(".read-kind")).to_have_text(re.compile("You wrote 3 and said 7"))
    assert [url for url in asked if "/v1/" in url] == []
    page.reload()
    expect(switch).to_be_checked()


def test_answers_are_said_aloud_only_if_asked(new_page: NewPage) -> None:
    page = new_page("/")
    clips: list[str] = []

    def hear(response: Response) -> None:
        if "/clips/" in response.url:
            assert response.ok, response.url
            clips.append(response.url.rpartition("/")[2])

    page.on("response", hear)
    write_by_mouse(pad(page), 3)
    click(page, "Read")
    expect(answer(page)).to_have_text("3")
    assert clips == []
    aloud = page.get_by_role("switch", name="Say answers aloud")
    expect(aloud).to_have_accessible_description(re.compile("With a screen reader, leave this off"))
    aloud.check()
    with page.expect_response(re.compile(r"/clips/en/3\.ogg$")):
        click(page, "Read")
    expect(status(page)).to_have_text(re.compile(r"^3\. "))
    assert clips == ["3.ogg"]


def test_what_is_given_stays_in_another_view(new_page: NewPage) -> None:
    page = new_page("/")
    write_by_mouse(pad(page), 3)
    page.get_by_role("link", name="Learn").click()
    expect(page.locator(".view.learn h1")).to_be_visible()
    page.get_by_role("link", name="Read").click()
    expect(cards(page)).to_have_count(1)
    click(page, "Read")
    expect(answer(page)).to_have_text("3")
    click(page, "Settings")
    page.get_by_role("radio", name="Deutsch").check()
    page.get_by_role("button", name="Schließen").click()
    page.get_by_role("button", name="Lesen", exact=True).click()
    expect(status(page)).to_have_text(re.compile(r"^3\. Sicher: "))


def test_denied_camera_and_microphone(browser: Browser, app: RunningApp) -> None:
    """In a browser where nobody allows them; writing goes on working."""
    flags = ["--no-sandbox", "--use-fake-device-for-media-stream"]
    other = browser.browser_type.launch(executable_path=shutil.which("chromium"), args=flags)
    try:
        page = other.new_page(base_url=app.url, locale="en-GB")
        page.goto("/")
        click(page, "Say it")
        expect(status(page)).to_have_text(re.compile("This page may not use the microphone"))
        click(page, "Take a photo")
        expect(page.get_by_text("This page may not use the camera")).to_be_visible()
        assert barriers(page) == []
        click(page, "Close the camera")
        expect(page.get_by_role("button", name="Take a photo")).to_be_focused()
        write_by_mouse(pad(page), 3)
        click(page, "Read")
        expect(answer(page)).to_have_text("3")
    finally:
        other.close()


def test_recording_that_does_not_start_says_so(new_page: NewPage) -> None:
    page = new_page("/")
    expect(pad(page)).to_be_visible()
    page.evaluate("() => { AudioContext.prototype.resume = async () => { throw new Error('of the test') } }")
    click(page, "Say it")
    expect(status(page)).to_have_text(re.compile("The recording did not start"))
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = async () => ({ getTracks: () => null }) }")
    click(page, "Say it")
    expect(page.locator(".speak-state")).to_have_text(re.compile("The recording did not start"))
    expect(page.get_by_role("button", name="Say it", exact=True)).to_be_visible()
    forgive(new_page, "null")


PREDICTION = {
    "label": 3,
    "confidence": 0.71,
    "probabilities": [0.1] * 10,
    "image": {"label": 3, "confidence": 0.71},
    "novelty": 0.2,
    "decision": "review",
    "model_version": "test",
}


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_reason_has_words(new_page: NewPage, language: str) -> None:
    page = new_page("/")
    expect(pad(page)).to_be_visible()
    if language == "de":
        click(page, "Settings")
        page.get_by_role("radio", name="Deutsch").check()
        expect(page.get_by_role("link", name="Lesen")).to_be_visible()
    known = ["low_confidence", "conflict", "not_a_digit", "several_digits", "struck_out"]
    heads = {"audio": {"label": 7, "confidence": 0.9}, "fused": {"label": 3, "confidence": 0.71}}
    cases = [[reason] for reason in (*known, "a_later_reason")] + [known]
    predictions = [{**PREDICTION, "reasons": reasons, **more} for reasons in cases for more in ({}, heads)]
    sure = {**PREDICTION, "decision": "accept", "reasons": [], "confidence": 0.99999}
    words = page.evaluate(
        "async (all) => { const { inWords } = await import('/app/js/read/words.js'); return all.map(inWords) }",
        [*predictions, sure],
    )
    for prediction, found in zip(predictions, words, strict=False):
        assert found["title"], prediction
        assert found["advice"], prediction
        assert "undefined" not in str(found), prediction
        assert "{" not in found["spoken"], prediction
    assert words[-1]["kind"] == "sure"
    assert words[-1]["advice"] == []
    assert "100" not in words[-1]["spoken"]

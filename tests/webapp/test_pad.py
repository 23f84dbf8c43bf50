"""The pad to write on: mouse, pen and finger, keyboard, what a screen reader is told."""

import base64
import io
import re
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from samples.strokes import DIGITS
from tests.webapp.barriers import barriers
from tests.webapp.conftest import NewPage
from tests.webapp.writing import write

MOUNT = """async (aspect) => {
  const { inkPad } = await import("/app/js/ink/pad.js")
  window.changes = 0
  window.pad = inkPad({ label: "Write here", aspect, hint: "Write", onChange: () => window.changes++ })
  const title = document.createElement("h1")
  title.textContent = "A pad"
  document.querySelector(".view").replaceChildren(title, pad.element)
}"""
PICTURE = """async () => {
  const bytes = new Uint8Array(await (await pad.picture()).arrayBuffer())
  return btoa(String.fromCharCode(...bytes))
}"""
INK = """() => {
  const canvas = document.querySelector(".ink canvas")
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
  let count = 0, sum = 0
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 128) { count++; sum += data[i] }
  return { share: count / (data.length / 4), brightness: count ? sum / count : null }
}"""

NARROWER = """async (width) => {
  while (document.querySelector(".ink canvas").width >= width) await new Promise(requestAnimationFrame)
}"""

GROUPS = """async (pads) => {
  const { groupStrokes } = await import("/app/js/ink/grouping.js")
  return pads.map((strokes) => groupStrokes(strokes).map((group) => group.map((stroke) => strokes.indexOf(stroke))))
}"""


@pytest.fixture
def page(new_page: NewPage) -> Iterator[Page]:
    page = new_page("/#/learn", color_scheme="light")
    expect(page.locator(".view.learn h1")).to_be_visible()
    page.evaluate(MOUNT, 1)
    yield page
    page.evaluate("pad.end()")


def draw_line(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    bounds = page.locator(".ink canvas").bounding_box()
    assert bounds is not None
    (x0, y0), (x1, y1) = (
        (bounds["x"] + x * bounds["width"], bounds["y"] + y * bounds["height"]) for x, y in (start, end)
    )
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move(x1, y1, steps=10)
    page.mouse.up()


def test_mouse_writes_a_stroke(page: Page) -> None:
    draw_line(page, (0.5, 0.2), (0.5, 0.8))
    [stroke] = page.evaluate("pad.strokes")
    assert stroke[0]["x"] == pytest.approx(0.5, abs=0.01)
    assert stroke[0]["y"] == pytest.approx(0.2, abs=0.01)
    assert stroke[-1]["y"] == pytest.approx(0.8, abs=0.01)
    assert sorted(point["t"] for point in stroke) == [point["t"] for point in stroke]
    assert page.evaluate("changes") == 1
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(page.evaluate(PICTURE)))).convert("L"))
    height, width = picture.shape
    assert (height, width) == (280, 280)
    assert picture[height // 2, width // 2] == 0
    assert picture[height // 2, width // 4] == 255


def test_clear_and_removal_can_be_undone(page: Page) -> None:
    draw_line(page, (0.2, 0.2), (0.2, 0.8))
    draw_line(page, (0.8, 0.2), (0.8, 0.8))
    page.evaluate("pad.remove([pad.strokes[0]])")
    assert page.evaluate("pad.strokes.length") == 1
    assert page.evaluate("pad.clear()") is True
    assert page.evaluate("pad.isEmpty")
    assert page.evaluate("pad.clear()") is False
    assert [page.evaluate("pad.undo() && pad.strokes.length") for _ in range(4)] == [1, 2, 1, 0]
    assert page.evaluate("pad.undo()") is False


def test_keyboard_writes_and_takes_back(page: Page) -> None:
    pad = page.get_by_role("application", name="Write here")
    expect(pad).to_have_accessible_description(re.compile(r"arrow keys move the pen.*lifts it\. Shift"))
    pad.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("status")).to_have_text("Pen up, 46 of 100 across, 50 of 100 down")
    page.keyboard.press("Space")
    expect(page.get_by_role("status")).to_have_text("Pen down")
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    expect(page.get_by_role("status")).to_have_text("Pen down, 46 of 100 across, 70 of 100 down")
    page.keyboard.press("PageUp")
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Space")
    expect(page.get_by_role("status")).to_have_text("Pen up, 1 stroke")
    [stroke] = page.evaluate("pad.strokes")
    assert [(round(point["x"], 2), round(point["y"], 2)) for point in stroke] == [
        *((0.46, round(0.5 + 0.04 * step, 2)) for step in range(6)),
        (0.50, 0.66),
        (0.49, 0.66),
    ]
    page.keyboard.press("Backspace")
    expect(page.get_by_role("status")).to_have_text("Taken back, 0 strokes left")
    page.keyboard.press("Backspace")
    expect(page.get_by_role("status")).to_have_text("Nothing to take back")
    assert page.evaluate("pad.isEmpty")


def test_keyboard_is_told_one_thing_at_a_time(page: Page) -> None:
    page.locator(".ink canvas").focus()
    page.keyboard.press("Space")
    for _ in range(14):
        page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("status")).to_have_text("Pen down, 4 of 100 across, 50 of 100 down, left edge")
    page.keyboard.press("Backspace")
    assert page.get_by_role("status").text_content() == "Pen up. Taken back, 0 strokes left"
    page.clock.install()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.evaluate("import('/app/js/dom.js').then(({ announce }) => announce('The answer'))")
    page.clock.run_for(2000)
    assert page.get_by_role("status").text_content() == "The answer"  # the pen's place does not replace it


def test_leaving_the_pad_lifts_the_pen(page: Page) -> None:
    page.locator(".ink canvas").focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    expect(page.get_by_role("status")).to_have_text("Pen up, 1 stroke")
    assert page.evaluate("changes") == 1


def test_finger_and_pen_write(page: Page) -> None:
    page.set_viewport_size({"width": 400, "height": 420})  # which could scroll
    bounds = page.locator(".ink canvas").bounding_box()
    assert bounds is not None
    device = page.context.new_cdp_session(page)
    down = [{"x": bounds["x"] + 100, "y": bounds["y"] + 50 + 10 * step} for step in range(12)]
    device.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": down[:1]})
    for point in down[1:]:
        device.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    device.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    kinds = ["mousePressed", *["mouseMoved"] * 10, "mouseReleased"]
    for kind, point in zip(kinds, down, strict=True):
        device.send("Input.dispatchMouseEvent", {"type": kind, "button": "left", "pointerType": "pen", **point})
    finger, pen = page.evaluate("pad.strokes")
    for stroke in (finger, pen):
        assert len(stroke) > 5
        assert stroke[-1]["y"] - stroke[0]["y"] == pytest.approx(110 / bounds["height"], abs=0.02)
    assert page.evaluate("scrollY") == 0  # the finger wrote, and scrolled nothing


def test_palm_beside_a_pen_writes_nothing(page: Page) -> None:
    page.evaluate(
        """() => {
          const canvas = document.querySelector(".ink canvas")
          canvas.setPointerCapture = () => {} // of pointers that no device has
          const { left, top, width } = canvas.getBoundingClientRect()
          const send = (type, pointerType, pointerId, at) => canvas.dispatchEvent(new PointerEvent(type, {
            pointerType, pointerId, clientX: left + at * width, clientY: top + at * width, button: 0, bubbles: true,
          }))
          send("pointerdown", "touch", 7, 0.9) // the palm comes first
          send("pointermove", "touch", 7, 0.8)
          send("pointerdown", "pen", 8, 0.3)
          send("pointermove", "pen", 8, 0.4)
          send("pointermove", "touch", 7, 0.7)
          send("pointerup", "pen", 8, 0.4)
          send("pointerdown", "touch", 9, 0.9) // and again while the pen is lifted
          send("pointerup", "touch", 9, 0.9)
        }"""
    )
    [stroke] = page.evaluate("pad.strokes")
    assert [round(point["x"], 2) for point in stroke] == [0.3, 0.4]


def test_pad_follows_theme_and_size(page: Page) -> None:
    draw_line(page, (0.3, 0.2), (0.3, 0.8))
    light = page.evaluate(INK)
    assert light["brightness"] < 60
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate(INK)["brightness"] > 200
    width = page.locator(".ink canvas").evaluate("canvas => canvas.width")
    page.set_viewport_size({"width": 400, "height": 700})
    page.evaluate(NARROWER, width)
    assert page.evaluate(INK)["share"] == pytest.approx(light["share"], rel=0.15)


def test_strokes_side_by_side_are_digits(page: Page) -> None:
    """Two digits each, of random writing: every one is told apart, with the strokes that are its own."""
    rng = np.random.default_rng(1)
    pairs, expected = [], []
    for _ in range(300):
        strokes: list[list[dict[str, float]]] = []
        counts = []
        for digit in rng.integers(0, 10, 2):
            template = DIGITS[int(digit)][rng.integers(3)]
            right = max((point["x"] for stroke in strokes for point in stroke), default=0.0)
            written = write(template, rng, left=right + rng.uniform(0.08, 0.3))
            strokes += written
            counts.append(len(written))
        pairs.append(strokes)
        expected.append([list(range(counts[0])), list(range(counts[0], sum(counts)))])
    found = page.evaluate(GROUPS, pairs)
    assert found == expected


def test_halves_of_one_digit_stay_together(page: Page) -> None:
    left_bow = [{"x": 0.5 - 0.2 * np.sin(a), "y": 0.5 - 0.3 * np.cos(a), "t": 0} for a in np.linspace(0, np.pi, 20)]
    right_bow = [{**point, "x": 1.0 - point["x"]} for point in left_bow]
    assert page.evaluate(GROUPS, [[left_bow, right_bow]]) == [[[0, 1]]]
    dot = [{"x": 0.5, "y": 0.95, "t": 0}]
    assert page.evaluate(GROUPS, [[left_bow, dot, right_bow], [], [dot]]) == [[[0, 1, 2]], [], [[0]]]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pad_is_without_barriers(page: Page, theme: str) -> None:
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    expect(page.locator("html")).to_have_attribute("data-theme", theme)
    assert barriers(page) == []
    page.locator(".ink canvas").focus()
    page.keyboard.press("Space")
    assert barriers(page) == []

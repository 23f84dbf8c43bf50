"""Learning to write digits: by mouse, by keyboard alone, what is kept, what is printed, and what is not sent."""

import io
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Request, Route, expect

from tests.webapp.barriers import barriers
from tests.webapp.conftest import NewPage, forgive

Point = tuple[float, float]

BELLY = [(0.45, 0.2), (0.42, 0.45), (0.55, 0.42), (0.66, 0.5), (0.67, 0.65), (0.55, 0.8), (0.38, 0.75)]
BAR = [(0.45, 0.2), (0.7, 0.2)]


def open_learn(new_page: NewPage, **options: object) -> Page:
    """A new page with the view."""
    page = new_page("/#/learn", **options)
    expect(page.locator(".view.learn h1")).to_be_visible()
    return page


def choose(page: Page, *digits: int, kind: str = "Look and write") -> None:
    page.get_by_role("radio", name=kind).check()
    page.get_by_role("button", name="None", exact=True).click()
    for digit in digits:
        page.get_by_role("checkbox", name=str(digit)).check()


def draw(page: Page, *lines: Iterable[Point]) -> None:
    """Draw with the mouse; points in sides of the pad."""
    bounds = page.locator(".ink canvas").bounding_box()
    assert bounds is not None
    for line in lines:
        places = [(bounds["x"] + x * bounds["width"], bounds["y"] + y * bounds["height"]) for x, y in line]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=6)
        page.mouse.up()


def say_when(page: Page) -> None:
    """Note in the page when the focus moved, and when what was announced."""
    page.evaluate("""() => {
      window.heard = []
      document.addEventListener("focusin", () => window.heard.push({ at: performance.now(), focus: true }))
      const status = document.getElementById("status")
      new MutationObserver(() => window.heard.push({ at: performance.now(), text: status.textContent }))
        .observe(status, { childList: true })
    }""")


def pause_before(page: Page, text: str) -> float:
    """Milliseconds between the last move of the focus and the announcement, which must have come once."""
    expect(page.locator("#status")).to_contain_text(text)
    heard = page.evaluate("window.heard")
    announced = [each for each in heard if text in each.get("text", "")]
    assert len(announced) == 1
    moved = [each["at"] for each in heard if "focus" in each and each["at"] <= announced[0]["at"]]
    return float(announced[0]["at"] - moved[-1])


def press(page: Page, *keys: str) -> None:
    """Press each key; "ArrowDown*8" eight times."""
    for key in keys:
        name, _, times = key.partition("*")
        for _ in range(int(times or 1)):
            page.keyboard.press(name)


def said(page: Page) -> list[str]:
    """What stands in the answer, without its tick."""
    expect(page.locator(".learn-said")).to_be_visible()
    return [text.removeprefix("✓") for text in page.locator(".learn-said p").all_inner_texts()]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_look_and_write_by_mouse(new_page: NewPage, theme: str) -> None:
    requests: list[Request] = []
    page = open_learn(new_page, color_scheme=theme)
    page.on("request", lambda request: requests.append(request))
    assert barriers(page) == []

    page.get_by_role("button", name="All", exact=True).click()
    expect(page.locator("#status")).to_have_text("All ten digits are chosen.")
    choose(page)
    expect(page.locator("#status")).to_have_text("No digit is chosen.")
    say_when(page)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("group", name="Which digits?")).to_have_accessible_description("Choose at least one digit.")
    expect(page.get_by_role("checkbox", name="0")).to_be_focused()
    expect(page.get_by_role("checkbox", name="0")).to_have_attribute("aria-invalid", "true")
    assert pause_before(page, "Choose at least one digit.") > 200
    assert barriers(page) == []
    choose(page, 5)
    expect(page.locator("[aria-invalid]")).to_have_count(0)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", name="Write this 5")).to_be_focused()
    expect(page.get_by_role("img", name="How the 5 is written")).to_be_visible()
    assert barriers(page) == []

    page.get_by_role("button", name="Done").click()
    assert said(page) == ["Nothing is on the pad yet. Write your digit there."]
    draw(page, [(1 - x, y) for x, y in BELLY], [(1 - x, y) for x, y in BAR])
    page.get_by_role("button", name="Done").click()
    expect(page.locator(".learn-praise")).to_have_text("You have all its lines.")
    assert said(page)[1:] == ["This is a 5 as a mirror shows it. The bar of the 5 points to the right."]
    expect(page.get_by_role("button", name="Try again")).to_be_focused()
    assert pause_before(page, "as a mirror shows it") > 200
    order = page.locator(".learn-said button").all_inner_texts()
    assert order == ["Try again", "Next digit"]
    assert barriers(page) == []

    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".learn-said")).to_have_count(0)
    draw(page, BELLY, BAR)
    page.get_by_role("button", name="Done").click()
    expect(page.locator(".learn-praise")).to_contain_text("Yes, that is 5.")
    assert said(page) == ["Yes, that is 5."]
    assert page.locator(".learn-said button").all_inner_texts() == order
    page.get_by_role("button", name="Next digit").click()
    expect(page.get_by_role("heading", name="Write this 5")).to_be_focused()

    draw(page, BAR)
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_role("application", name="Pad to write the digit on")).to_be_focused()
    assert pause_before(page, "The pad is empty.") > 200

    draw(page, BELLY[::-1], BAR)
    page.get_by_role("button", name="Done").click()
    assert said(page) == ["Yes, that is 5.", "Next time, begin at the top left and go the other way."]
    expect(page.locator(".learn-marks")).to_be_visible()
    page.get_by_role("button", name="Take back").click()
    expect(page.locator(".learn-marks")).to_have_count(0)

    page.get_by_role("button", name="My progress").click()
    expect(page.get_by_role("heading", name="My digits")).to_be_focused()
    card = page.get_by_role("listitem").filter(has_text="The 5")
    expect(card).to_contain_text("Written 2 times, 1 right at once")
    expect(card).to_contain_text("To practise")
    expect(card.get_by_role("img", name="Your last 5")).to_be_visible()
    expect(page.get_by_text("To practise: 5")).to_be_visible()
    assert barriers(page) == []

    page.reload()  # it is kept on this device
    page.get_by_role("button", name="My progress").click()
    expect(card).to_contain_text("Written 2 times, 1 right at once")
    assert requests
    assert not [request.url for request in requests if urlsplit(request.url).path.startswith("/v1")]
    assert not [request.url for request in requests if request.method != "GET"]


def test_write_by_heart_by_keyboard_alone(new_page: NewPage) -> None:
    page = open_learn(new_page)
    page.get_by_role("radio", name="Look and write").focus()
    press(page, "ArrowDown*2", "Tab", "Space")  # write by heart, without the 0
    for digit in range(1, 10):
        press(page, "Tab")
        expect(page.get_by_role("checkbox", name=str(digit))).to_be_focused()
        if digit != 7:
            press(page, "Space")
    press(page, "Enter")
    heading = page.get_by_role("heading", name="Write the digit seven")
    expect(heading).to_be_focused()
    assert heading.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    expect(page.locator("svg.sample")).to_have_count(0)
    press(page, "Tab")
    expect(page.get_by_role("application", name="Pad to write the digit on")).to_be_focused()
    expect(page.get_by_text("Enter: done.")).to_be_visible()
    assert barriers(page) == []

    # A 7 from its foot: up, then along the top to the left.
    press(page, "ArrowDown*6", "Space", "ArrowUp*14", "ArrowLeft*8", "Space", "Enter")
    expect(page.locator(".learn-praise")).to_contain_text("Yes, that is 7.")
    assert said(page) == ["Yes, that is 7.", "Next time, begin at the top left and go the other way."]
    expect(page.locator("#status")).to_have_text(re.compile("Yes, that is 7. Next time, begin at the top left"))
    expect(page.locator("svg.sample")).to_be_visible()  # after the try, how it is written
    expect(page.get_by_role("button", name="Next digit")).to_be_focused()

    press(page, "Enter")
    expect(page.get_by_role("heading", name="Write the digit seven")).to_be_focused()
    expect(page.locator("svg.sample")).to_have_count(0)
    press(page, "Tab", "ArrowUp*6", "ArrowLeft*8", "Space", "ArrowRight*8", "ArrowDown*14", "Space", "Enter")
    expect(page.locator(".learn-praise")).to_contain_text("Yes, that is 7.")
    assert said(page) == ["Yes, that is 7."]


def test_listen_and_write(new_page: NewPage) -> None:
    clips: list[str] = []
    page = open_learn(new_page)
    page.on("request", lambda request: clips.append(urlsplit(request.url).path) if ".ogg" in request.url else None)
    choose(page, 1, kind="Listen and write")
    with page.expect_request("**/app/clips/en/1.ogg"):
        page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", name="Write the digit that you hear")).to_be_focused()
    expect(page.locator("svg.sample")).to_have_count(0)
    expect(page.locator(".learn-word")).to_have_text("")
    assert barriers(page) == []
    page.get_by_role("button", name="Play it again").click()
    page.get_by_role("button", name="Show the word").click()
    expect(page.locator(".learn-word")).to_have_text("one")
    draw(page, [(0.5, 0.2), (0.5, 0.8)])
    page.get_by_role("button", name="Done").click()
    assert said(page) == ["Yes, that is 1."]
    expect(page.locator("svg.sample")).to_be_visible()
    expect(page.get_by_role("button", name="Play it again")).to_be_visible()
    assert set(clips) == {"/app/clips/en/1.ogg"}


def test_digit_is_spoken_after_the_screen_reader(new_page: NewPage) -> None:
    page = open_learn(new_page)
    choose(page, 1, kind="Listen and write")
    say_when(page)
    with page.expect_request("**/app/clips/en/1.ogg"):
        press(page, "Enter")
    expect(page.get_by_role("heading", name="Write the digit that you hear")).to_be_focused()
    asked = page.evaluate("""() => new Promise((resolve) => {
      const find = (list) => {
        const clip = list.getEntries().find((each) => each.name.endsWith("1.ogg"))
        if (clip) resolve(clip.startTime)
      }
      new PerformanceObserver(find).observe({ type: "resource", buffered: true })
    })""")
    assert asked - page.evaluate("window.heard.find((each) => each.focus).at") > 1400


def test_nothing_is_said_aloud_until_somebody_asks(new_page: NewPage) -> None:
    page = open_learn(new_page)
    aloud = page.get_by_role("checkbox", name="Say it aloud to me")
    expect(aloud).not_to_be_checked()
    expect(aloud).to_have_accessible_description(re.compile("With a screen reader, leave this off"))
    page.get_by_role("link", name="Read").click()
    expect(page.get_by_role("switch", name="Say answers aloud")).not_to_be_checked()
    page.get_by_role("switch", name="Say answers aloud").check()
    page.get_by_role("link", name="Learn").click()
    expect(aloud).to_be_checked()


def test_exercise_stays_in_another_language(new_page: NewPage) -> None:
    page = open_learn(new_page)
    choose(page, 5)
    page.get_by_role("button", name="Start").click()
    draw(page, BELLY, BAR)
    page.get_by_role("button", name="Done").click()
    assert said(page) == ["Yes, that is 5."]
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("radio", name="Deutsch").check()
    expect(page.get_by_role("heading", name="Schreibe diese 5")).to_have_count(1)
    expect(page.get_by_text("Ja, das ist eine 5.")).to_have_count(1)
    press(page, "Escape")
    page.get_by_role("button", name="Zurücknehmen").click()
    expect(page.locator("#status")).to_have_text("Zurückgenommen, noch 1 Strich")
    page.get_by_role("link", name="Lesen").click()
    expect(page.locator(".view.read h1")).to_be_visible()
    page.get_by_role("link", name="Lernen").click()
    page.get_by_role("button", name="Fertig").click()
    assert "Der Strich oben fehlt noch." in said(page)


def test_long_look_is_told(new_page: NewPage) -> None:
    page = open_learn(new_page)
    told = False
    held: list[Route] = []
    page.route("**/app/model/*", lambda route: route.continue_() if told else held.append(route))
    choose(page, 5)
    page.get_by_role("button", name="Start").click()
    draw(page, BELLY, BAR)
    page.get_by_role("button", name="Done").click()
    expect(page.locator("#status")).to_have_text("Looking at it …")
    told = True
    for route in held:
        route.continue_()
    expect(page.locator("#status")).to_have_text("Yes, that is 5.")


def test_remarks_are_said_aloud_if_wanted(new_page: NewPage) -> None:
    page = open_learn(new_page)
    choose(page, 5)
    page.get_by_role("checkbox", name="Say it aloud to me").check()
    with page.expect_request("**/app/clips/en/5.ogg"):
        page.get_by_role("button", name="Start").click()
    draw(page, [(1 - x, y) for x, y in BELLY], [(1 - x, y) for x, y in BAR])
    with page.expect_request("**/app/clips/en/mirrored.ogg"), page.expect_request("**/app/clips/en/try_again.ogg"):
        page.get_by_role("button", name="Done").click()
    page.get_by_role("button", name="Try again").click()
    draw(page, BELLY[::-1], BAR)
    with page.expect_request("**/app/clips/en/well_done.ogg"), page.expect_request("**/app/clips/en/begin_there.ogg"):
        page.get_by_role("button", name="Done").click()


def test_sample_moves_unless_motion_is_less(new_page: NewPage) -> None:
    moving = "document.getAnimations().filter((each) => each.effect.target.matches('.sample-pen')).length"
    page = open_learn(new_page, reduced_motion="no-preference")
    choose(page, 4)
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Show me how").click()
    assert page.evaluate(moving) == 2
    still = open_learn(new_page, reduced_motion="reduce")
    choose(still, 4)
    still.get_by_role("button", name="Start").click()
    expect(still.locator("svg.sample")).to_be_visible()
    expect(still.get_by_role("button", name="Show me how")).to_have_count(0)


def test_left_hand_sees_the_sample_beside_it(new_page: NewPage) -> None:
    page = open_learn(new_page)
    choose(page, 5)
    page.get_by_role("radio", name="the left hand").check()
    page.get_by_role("button", name="Start").click()
    sample, pad = page.locator("svg.sample").bounding_box(), page.locator(".ink canvas").bounding_box()
    assert sample is not None
    assert pad is not None
    assert sample["x"] > pad["x"] + pad["width"]
    draw(page, BELLY, BAR[::-1])
    page.get_by_role("button", name="Done").click()
    assert said(page) == ["Yes, that is 5."]


@pytest.mark.parametrize("language", ["en", "de"])
def test_progress_of_all_digits_prints_on_one_page(new_page: NewPage, language: str) -> None:
    page = open_learn(new_page)
    drawing = [[{"x": 0.3, "y": 0.1}, {"x": 0.6, "y": 0.5}, {"x": 0.4, "y": 0.9}]]
    record = {"tried": 12, "right": 0, "last": [False] * 5, "drawing": drawing}
    stored = {"mmdigit.learn": {"records": [record] * 10}, "mmdigit.settings": {"language": language}}
    page.evaluate(
        "(all) => Object.entries(all).forEach(([key, value]) => localStorage[key] = JSON.stringify(value))", stored
    )
    page.reload()
    page.get_by_role("button", name=re.compile("My progress|Was ich schon kann")).click()
    expect(page.locator(".learn-card")).to_have_count(10)
    for paper in ("A4", "Letter"):
        assert len(re.findall(rb"/Type ?/Page\b", page.pdf(format=paper, prefer_css_page_size=False))) == 1, paper


def test_progress_prints_and_is_forgotten(new_page: NewPage) -> None:
    page = open_learn(new_page, color_scheme="dark")
    choose(page, 5)
    page.get_by_role("button", name="Start").click()
    draw(page, BELLY, BAR)
    page.get_by_role("button", name="Done").click()
    expect(page.locator(".learn-said")).to_be_visible()
    page.get_by_role("button", name="My progress").click()
    page.evaluate("window.print = () => { window.printed = true }")
    page.get_by_role("button", name="Print").click()
    assert page.evaluate("window.printed")

    page.emulate_media(media="print")
    for hidden in ("header", ".learn-buttons", ".learn h1"):
        expect(page.locator(hidden)).to_be_hidden()
    for shown in (".learn-name", ".learn-drawing", ".learn-cards"):
        expect(page.locator(shown)).to_be_visible()
    paper = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("L"))
    assert paper[2, 2] == 255  # white, whatever the theme
    assert 0.005 < (paper < 128).mean() < 0.2
    assert page.pdf(format="A4").count(b"/Type /Page\n") == 1
    page.emulate_media(media="screen")

    page.get_by_role("button", name="Forget everything").click()
    dialog = page.get_by_role("dialog", name="Forget everything?")
    expect(dialog).to_be_visible()
    assert barriers(page) == []
    press(page, "Escape")
    expect(page.get_by_role("button", name="Forget everything")).to_be_focused()
    expect(page.locator(".learn-drawing")).to_be_visible()
    press(page, "Enter", "Tab", "Enter")
    expect(page.get_by_text("You have not written anything yet.")).to_be_visible()
    expect(page.locator("#status")).to_have_text("Everything is forgotten.")
    expect(page.locator(".learn-drawing")).to_have_count(0)
    assert page.evaluate("localStorage.getItem('mmdigit.learn')") is None


def test_lines_alone_are_judged_without_the_model(new_page: NewPage) -> None:
    page = open_learn(new_page)
    page.route("**/app/model/*", lambda route: route.abort())
    choose(page, 5)
    page.get_by_role("button", name="Start").click()
    draw(page, BELLY)
    page.get_by_role("button", name="Done").click()
    assert said(page) == [
        "You began in the right place.",
        "The bar at the top is still missing.",
        "The reader did not load, so I looked at your lines alone.",
    ]
    forgive(new_page, "ERR_FAILED")


def test_learn_fits_a_phone_and_speaks_german(new_page: NewPage) -> None:
    page = open_learn(new_page, viewport={"width": 320, "height": 640})
    page.evaluate("localStorage.setItem('mmdigit.settings', JSON.stringify({ language: 'de' }))")
    page.reload()
    expect(page.get_by_role("heading", name="Ziffern schreiben lernen")).to_be_visible()
    page.get_by_role("button", name="Keine").click()
    page.get_by_role("checkbox", name="7").check()
    page.get_by_role("button", name="Los").click()
    expect(page.get_by_role("img", name="So schreibt man die 7")).to_be_visible()
    page.locator(".ink canvas").scroll_into_view_if_needed()
    draw(page, [(0.3, 0.2), (0.7, 0.2), (0.5, 0.8)])
    page.get_by_role("button", name="Fertig").click()
    assert said(page) == ["Ja, das ist eine 7."]
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.get_by_role("button", name="Was ich schon kann").click()
    expect(page.get_by_text("Einmal geschrieben, 1 gleich richtig")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert barriers(page) == []

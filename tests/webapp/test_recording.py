"""A field that was read aloud, in Review: both readings side by side, its sound by mouse and by keyboard alone."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from lab.kit.polling import until
from mmdigit.client import Client
from mmdigit.numbers.prompts import spoken_wav
from samples.api import FORM
from tests.webapp.barriers import barriers
from tests.webapp.conftest import NewPage, forgive
from tests.webapp.gateway import RunningApp, running_app
from tests.webapp.stacks import READ_WITHIN_S, write_stack

GROUP = "spoken"
MOST_FIELDS = 50
PLAYED = """() => {
  const play = Audio.prototype.play
  window.played = []
  Audio.prototype.play = function () { window.played.push(this.currentTime); return play.call(this) }
}"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """As in conftest.py, with a form whose first field is read aloud."""
    folder = tmp_path_factory.mktemp("recording")
    form, count = re.subn(
        r"^( +)- name: member\b", r"\1- spoken: required\n\1  name: member", FORM.read_text(), flags=re.M
    )
    assert count == 1
    (folder / "form.yaml").write_text(form)
    with running_app(folder, folder / "form.yaml", ("--control-share", "1")) as running:
        yield running


@pytest.fixture(scope="module")
def written(app: RunningApp) -> str:
    """What is written in the field, whose second digit is said otherwise; its page is read and waits for review."""
    scan, recording = app.folder / "page.pdf", app.folder / "member.wav"
    member = write_stack(scan, app.folder / "form.yaml", 1)[1]["member"]
    recording.write_bytes(spoken_wav(slipped(member)))
    send(app, scan, recording, GROUP)
    return member


def send(app: RunningApp, scan: Path, recording: Path, group: str) -> None:
    """Send a page with the recording of its field, and wait until it has values."""
    with Client(app.url) as client:
        client.submit_pages("INTK", scan, group=group, recordings={"member": recording})
        until(lambda: client.get_group(group).finished, "the page's values", timeout_s=READ_WITHIN_S)


def slipped(member: str) -> str:
    return member[0] + str((int(member[1]) + 1) % 10) + member[2:]


def open_review(new_page: NewPage, kind: str) -> Page:
    page = new_page("/#/review")
    page.get_by_label("What is your name?").fill("Ada")
    page.keyboard.press("Enter")
    page.get_by_role("region", name=GROUP, exact=True).get_by_role("link", name=kind).click()
    page.evaluate(PLAYED)
    return page


def sound(page: Page) -> Locator:
    return page.get_by_role("region", name="Recording of this field")


def go_to(page: Page, label: str) -> None:
    """Leave fields for later until this one is shown."""
    for _ in range(MOST_FIELDS):
        if label in (page.locator("#review-what").text_content() or ""):
            return
        page.keyboard.press("PageDown")
    raise AssertionError(f"expected {label}, it is not shown")


def digits_of(row: Locator) -> list[str]:
    return [text.strip()[0] for text in row.locator("td").all_text_contents()]


def test_both_readings_stand_side_by_side(app: RunningApp, new_page: NewPage, written: str) -> None:
    page = open_review(new_page, "Field by field")
    expect(page.get_by_role("textbox", name="Value")).to_be_focused()
    go_to(page, "Membership number")
    rows = sound(page).get_by_role("row")
    expect(rows).to_have_count(2)
    assert digits_of(rows.nth(1)) == list(slipped(written))
    differs = sound(page).locator(".differs")
    assert differs.count() >= 1
    expect(differs.first).to_contain_text("differs")
    described = page.get_by_role("textbox", name="Value").get_attribute("aria-describedby") or ""
    assert "review-heard" in described.split()
    expect(page.locator("#review-heard")).to_contain_text(
        f"Heard: {' '.join(slipped(written))}. Alt P plays the recording."
    )
    expect(page.locator("#review-why")).to_contain_text("What is written and what is said differ.")
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        assert barriers(page) == [], theme
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 320


def test_sound_plays_by_key_and_by_mouse(app: RunningApp, new_page: NewPage, written: str) -> None:
    page = open_review(new_page, "Field by field")
    expect(page.get_by_role("textbox", name="Value")).to_be_focused()
    go_to(page, "Membership number")
    page.keyboard.press("Alt+p")
    expect(sound(page).get_by_role("button", name="Stop")).to_be_visible()
    expect(page.get_by_role("textbox", name="Value")).to_be_focused()
    page.keyboard.press("Alt+p")
    expect(sound(page).get_by_role("button", name=re.compile("^Play Alt"))).to_be_visible()
    third = sound(page).get_by_role("button", name=f"Play {written[2]}, box 3")
    third.click()
    expect(sound(page).locator("td.now")).to_have_count(1)
    expect(sound(page).locator("td.now")).to_have_count(0)  # it ends by itself
    starts = page.evaluate("() => window.played")
    assert len(starts) == 2
    assert starts[1] > starts[0]
    page.keyboard.press("PageDown")
    expect(sound(page)).to_be_hidden()  # the next field was not read aloud


def test_control_plays_the_sound_and_tells_nothing(app: RunningApp, new_page: NewPage, tmp_path: Path) -> None:
    scan, recording = tmp_path / "right.pdf", tmp_path / "member.wav"
    member = write_stack(scan, app.folder / "form.yaml", 1, lambda slot, _: "90481714" if slot.name == "member" else "")
    recording.write_bytes(spoken_wav(member[1]["member"]))
    send(app, scan, recording, "right")
    page = new_page("/#/review")
    page.get_by_label("What is your name?").fill("Bo")
    page.keyboard.press("Enter")
    page.get_by_role("region", name="right", exact=True).get_by_role("link", name="Control, blind").click()
    expect(page.get_by_role("textbox", name="Value")).to_be_focused()
    go_to(page, "Membership number")
    expect(sound(page).get_by_role("button")).to_have_count(1)
    expect(sound(page).get_by_role("row")).to_have_count(0)
    expect(page.locator("#review-heard")).to_have_text("Alt P plays the recording.")


def test_sound_that_does_not_come_says_so(app: RunningApp, new_page: NewPage, written: str) -> None:
    page = open_review(new_page, "Field by field")
    forgive(new_page, "the server responded with a status of 503")
    page.route("**/sound", lambda route: route.fulfill(status=503, json={"detail": "expected the database, got none"}))
    expect(page.get_by_role("textbox", name="Value")).to_be_focused()
    go_to(page, "Membership number")
    page.keyboard.press("Alt+p")
    expect(sound(page).get_by_role("status")).to_have_text("expected the database, got none")

"""Reviewing in the page: by mouse and by keyboard alone, by digit, blind, by two people, while the gateway is away."""

import csv
import io
import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page, expect

from samples.api import commands
from samples.running import RunningConsumer
from tests.webapp.barriers import barriers
from tests.webapp.conftest import NewPage, forgive
from tests.webapp.gateway import RunningApp, api_url, running_app
from tests.webapp.stacks import CROSSED, TWICE, UNSURE, Written, send_stack, write_form, write_stack

LABELS = {
    "Membership number": "member",
    "Date of birth (day, month, year)": "born",
    "Time": "arrived",
    "Amount": "amount",
}
REVIEWED = len(LABELS)
"""Fields of a copy that need a person."""

Stack = dict[int, Written]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """As in conftest.py, with a form of which each copy needs people, and many controls."""
    folder = tmp_path_factory.mktemp("review")
    form = write_form(folder / "form.yaml")
    with running_app(folder, form, ("--control-share", "0.3")) as running:
        yield running


def sent(app: RunningApp, group: str, copies: int = 2) -> Stack:
    """Send a group of filled-in copies; returns what is written in them."""
    path = app.folder / f"{group}.pdf"
    written = write_stack(path, app.folder / "form.yaml", copies)
    send_stack(app.url, path, group)
    return written


def table(app: RunningApp, group: str) -> dict[int, dict[str, str]]:
    """The table of a group, by serial number."""
    with urllib.request.urlopen(f"{app.url}/v1/export/{group}.csv", timeout=60) as answer:  # noqa: S310
        return {int(row["serial"]): row for row in csv.DictReader(io.StringIO(answer.read().decode()))}


def by_person(app: RunningApp, group: str) -> set[tuple[int, str]]:
    """Serial number and name of each field whose value is a person's."""
    rows = table(app, group)
    return {
        (serial, name) for serial, row in rows.items() for name in LABELS.values() if row[f"{name}.source"] == "person"
    }


def begin(page: Page, name: str = "Ada") -> None:
    """Say one's name, by keyboard."""
    expect(page.get_by_label("What is your name?")).to_be_focused()
    page.keyboard.type(name)
    page.keyboard.press("Enter")


def group(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def start(page: Page, name: str, kind: str) -> None:
    """Choose a group and a kind of work, by mouse."""
    group(page, name).get_by_role("link", name=kind).click()


def value(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Value")


def said(page: Page) -> Locator:
    """What a screen reader has been told last."""
    return page.locator("#status")


def shown_field(page: Page) -> tuple[int, str]:
    """Serial number and name of the field that is shown."""
    place, _, label = (page.locator("#review-what").text_content() or "").partition(": ")
    return int(place.removeprefix("Form ")), LABELS[label]


def right_text(written: Stack, place: tuple[int, str]) -> str:
    """What a person types for a field of these stacks: all but the amount fail their checks."""
    serial, name = place
    digits = written[serial][name]
    return f"{digits[:-2]}.{digits[-2:]}" if name == UNSURE else f"!{digits}"


def expect_finished(page: Page) -> None:
    expect(page.get_by_role("heading", name="Nothing is left for you here")).to_be_visible()


def expect_no_barriers(page: Page) -> None:
    """Of what is shown now, in both themes."""
    themes: tuple[Literal["dark", "light"], ...] = ("dark", "light")
    for theme in themes:
        page.emulate_media(color_scheme=theme)
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        assert barriers(page) == [], theme


def expect_no_sideways_scrolling(page: Page) -> None:
    """At 400 % zoom of a window of 1,280 pixels."""
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 320


def expect_table(app: RunningApp, name: str, written: Stack) -> None:
    """Every field that one person keys is in the table as it is written."""
    rows = table(app, name)
    assert rows.keys() == written.keys()
    for serial, row in rows.items():
        for field in LABELS.values():
            if field != TWICE:
                assert row[f"{field}.source"] == "person", (serial, field)
                digits = row[field].replace(".", "") if field == UNSURE else row[field]
                assert digits.rjust(6, "0") == written[serial][field], (serial, field)


def test_group_is_reviewed_by_mouse(app: RunningApp, new_page: NewPage) -> None:
    written = sent(app, "mouse")
    page = new_page("/#/review")
    page.get_by_label("What is your name?").fill("Ada")
    page.get_by_role("button", name="Start").click()
    start(page, "mouse", "Field by field")
    is_looked_at = False
    for step in range(REVIEWED * len(written)):
        expect(page.locator(".figures", has_text=f"{step} keyed")).to_be_visible()
        expect(value(page)).to_be_focused()
        serial, name = shown_field(page)
        if name == CROSSED:  # its digit is read as a question mark
            assert value(page).input_value().count("?") == 1
            if not is_looked_at:
                expect_no_barriers(page)
            is_looked_at = True
            page.get_by_role("button", name="Keep Enter").click()
            expect(page.locator("#review-problem")).to_contain_text("Type a digit in place of each ?")
            expect(value(page)).to_have_attribute("aria-invalid", "true")
        if name == UNSURE:
            value(page).fill(right_text(written, (serial, name)))
        else:
            value(page).fill(written[serial][name])
            page.get_by_role("button", name="Keep though it fails").click()
            expect(value(page)).to_have_value(f"!{written[serial][name]}")
        page.get_by_role("button", name="Keep Enter").click()
    expect_finished(page)
    expect_no_barriers(page)
    page.get_by_role("button", name="Give back and leave").click()
    expect(group(page, "mouse").get_by_role("rowheader", name="Ada")).to_be_visible()
    expect_no_barriers(page)
    expect_table(app, "mouse", written)


def test_group_is_reviewed_by_keyboard_alone(app: RunningApp, new_page: NewPage) -> None:
    written = sent(app, "keys")
    page = new_page("/#/review")
    begin(page)
    link = group(page, "keys").get_by_role("link", name="Field by field")
    expect(link).to_be_visible()
    expect(page.get_by_role("heading", name="Review fields")).to_be_focused()
    for _ in range(200):
        if link.evaluate("(link) => link === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    places = []
    for step in range(REVIEWED * len(written)):
        expect(page.locator(".figures", has_text=f"{step} keyed")).to_be_visible()
        expect(value(page)).to_be_focused()
        places.append(shown_field(page))
        if step == 2:  # two steps back, the last one first, then the same again
            expect(said(page)).to_contain_text("Kept. Form ")
            page.keyboard.press("Control+z")
            expect(said(page)).to_contain_text("Back to Form ")
            assert shown_field(page) == places[1]
            expect(value(page)).to_have_value(right_text(written, places[1]))
            page.keyboard.press("Control+z")
            assert shown_field(page) == places[0]
            page.keyboard.press("Enter")
            page.keyboard.press("Enter")
            assert shown_field(page) == places[2]
        page.keyboard.type(right_text(written, places[-1]))  # over what is selected
        page.keyboard.press("Enter")
    assert len(set(places)) == len(places)
    expect_finished(page)
    page.keyboard.press("Escape")
    expect(group(page, "keys").get_by_role("rowheader", name="Ada")).to_be_visible()
    expect_table(app, "keys", written)


def test_refused_value_comes_back_as_it_was_typed(app: RunningApp, new_page: NewPage) -> None:
    written = sent(app, "refused")
    page = new_page("/#/review")
    begin(page)
    start(page, "refused", "Field by field")
    expect(value(page)).to_be_focused()
    page.keyboard.press("PageDown")
    expect(said(page)).to_contain_text("Later. Form ")
    while shown_field(page)[1] != "member":
        page.keyboard.press("PageDown")
    place = shown_field(page)
    page.keyboard.type(written[place[0]]["member"])
    page.keyboard.press("Enter")
    expect(said(page)).to_contain_text("was not kept and comes back")
    page.keyboard.press("PageDown")
    assert shown_field(page) == place
    expect(value(page)).to_have_value(written[place[0]]["member"])
    expect(page.locator("#review-problem")).to_contain_text("expected a value that passes its checks (luhn)")
    expect(value(page)).to_have_attribute("aria-invalid", "true")
    expect_no_barriers(page)
    page.keyboard.press("Alt+0")
    expect(page.locator("#review-problem")).to_have_text("")
    expect(value(page)).not_to_have_attribute("aria-invalid", "true")
    page.keyboard.press("Control+z")
    expect(page.locator("#review-problem")).to_contain_text("expected a value that passes its checks (luhn)")
    page.keyboard.press("Home")
    page.keyboard.type("!")
    page.keyboard.press("Enter")
    until_kept(page)
    assert place in by_person(app, "refused")


def test_typing_and_undo_outlive_a_change_of_language(app: RunningApp, new_page: NewPage) -> None:
    written = sent(app, "draft", 1)
    page = new_page("/#/review")
    begin(page)
    start(page, "draft", "Field by field")
    expect(value(page)).to_be_focused()
    page.keyboard.type(right_text(written, shown_field(page)))
    page.keyboard.press("Enter")
    place, before = shown_field(page), value(page).input_value()
    page.keyboard.type("12")
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Deutsch").check()
    expect(page.get_by_role("heading", name="Einstellungen")).to_be_visible()
    page.get_by_label("English").check()
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    page.keyboard.press("Escape")
    expect(value(page)).to_have_value("12")
    assert shown_field(page) == place
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()
    value(page).focus()
    page.keyboard.press("Escape")  # takes back what is typed, and stays
    expect(said(page)).to_contain_text("Esc once more leaves")
    expect(value(page)).to_have_value(before)
    page.keyboard.type("34")
    page.get_by_role("button", name="Give back and leave").click()
    link = group(page, "draft").get_by_role("link", name="Field by field")
    expect(link).to_be_focused()
    until_kept(page)
    page.keyboard.press("Enter")
    expect(value(page)).to_be_focused()
    while shown_field(page) != place:
        page.keyboard.press("PageDown")
    expect(value(page)).to_have_value("34")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(link).to_be_focused()


def test_helps_are_there_by_key(app: RunningApp, new_page: NewPage) -> None:
    sent(app, "helps", 1)
    page = new_page("/#/review")
    begin(page)
    start(page, "helps", "Field by field")
    expect(value(page)).to_be_focused()
    while shown_field(page)[1] != UNSURE:
        page.keyboard.press("PageDown")
    before = value(page).input_value()
    alternative = page.get_by_role("group", name="Other values").get_by_role("button").first.text_content() or ""
    page.keyboard.press("Alt+1")
    expect(value(page)).to_have_value(alternative.removesuffix(" Alt 1"))
    expect(said(page)).to_have_text(f"Now: {' '.join(alternative.removesuffix(' Alt 1'))}")
    expect(value(page)).to_have_accessible_description(re.compile("other values?, Alt 1"))
    page.keyboard.press("Alt+0")
    expect(value(page)).to_have_value("blank")
    expect(said(page)).to_have_text("Now: Nothing written")
    page.keyboard.press("Control+z")
    expect(value(page)).to_have_value(before)
    width = page.locator(".crop").evaluate("(crop) => crop.offsetWidth")
    page.keyboard.press("Alt+ArrowUp")
    expect(said(page)).to_have_text("Picture 1.5 times as large")
    assert page.locator(".crop").evaluate("(crop) => crop.offsetWidth") > width
    page.keyboard.press("Alt+h")
    expect(page.get_by_role("dialog").get_by_role("cell", name="read by the model")).to_be_visible()
    expect(page.get_by_role("heading", name="History of")).to_be_focused()
    expect(page.get_by_role("table", name="History of").get_by_role("rowheader")).to_have_count(1)
    expect_no_barriers(page)
    page.keyboard.press("Escape")
    expect(value(page)).to_be_focused()
    page.get_by_text("What you may type, and the keys").click()
    expect(page.get_by_text("this is written, though it fails the checks")).to_be_visible()
    expect_no_sideways_scrolling(page)
    expect(page.get_by_role("button", name="Later").locator("kbd")).to_be_visible()
    expect_no_barriers(page)


def test_boxes_are_reviewed_by_digit(app: RunningApp, new_page: NewPage) -> None:
    written = sent(app, "digits")
    page = new_page("/#/review")
    begin(page)
    wrong = None
    for digit in range(10):
        page.goto(f"/#/review/digits/INTK/digits/{digit}")
        boxes = page.get_by_role("option")
        if not any(str(digit) in written[serial][UNSURE] for serial in written):
            expect(boxes.first.or_(page.get_by_role("heading", name="Nothing is left"))).to_be_visible()
        else:
            expect(boxes.first).to_be_focused()
        names = [box.get_attribute("aria-label") or "" for box in boxes.all()]
        assert len(set(names)) == len(names)
        if wrong is None and any(", Amount, box " in name for name in names):
            wrong = digit, next(i for i, name in enumerate(names) if ", Amount, box " in name)
            assert re.fullmatch(rf"Form \d+, Amount, box \d: read as {digit}", names[wrong[1]])
            expect(page.get_by_role("listbox")).to_have_accessible_description(
                re.compile("Mark each box .* Space marks")
            )
            for _ in range(wrong[1]):
                page.keyboard.press("ArrowRight")
            page.keyboard.press(" ")
            expect(boxes.nth(wrong[1])).to_have_attribute(
                "aria-label", f"{names[wrong[1]].partition(':')[0]}: no {digit}, not readable"
            )
            expect(boxes.nth(wrong[1])).to_have_attribute("aria-selected", "true")
            page.keyboard.press(str((digit + 1) % 10))
            page.keyboard.press("Escape")
            expect(page.locator(".note")).to_have_text("1 box is marked and not kept. Esc once more leaves.")
            expect_no_barriers(page)
            with page.expect_request("**/keys") as first:
                page.keyboard.press("Enter")
            expect(said(page)).to_contain_text(re.compile("Kept|Nothing is left"))
            page.keyboard.press("Control+z")
            expect(said(page)).to_contain_text("Back to the last screen. What you kept there counts")
            expect(boxes.nth(wrong[1])).to_have_attribute("aria-selected", "true")
            with page.expect_request("**/keys") as again:
                page.keyboard.press("Enter")
            bodies = [json.loads(request.value.post_data or "") for request in (first, again)]
            seen = [{box["seen"] for box in body["boxes"]} for body in bodies]
            assert seen == [{0}, {1}]  # so that the first request, were it to come again, changes nothing
        elif names:
            page.keyboard.press("Enter")
        expect_finished(page)
    assert wrong is not None
    rows = table(app, "digits")
    stands = {serial: row[UNSURE].replace(".", "").rjust(6, "0") for serial, row in rows.items()}
    assert all(rows[serial][f"{UNSURE}.source"] == "person" for serial in rows)
    differ = [
        (mine, theirs)
        for serial in written
        for mine, theirs in zip(written[serial][UNSURE], stands[serial], strict=True)
        if mine != theirs
    ]
    assert differ == [(str(wrong[0]), str((wrong[0] + 1) % 10))]


def test_boxes_are_marked_by_mouse(app: RunningApp, new_page: NewPage) -> None:
    sent(app, "clicks", 1)
    page = new_page("/#/review")
    begin(page)
    group(page, "clicks").get_by_role("link", name="All read as").first.click()
    first = page.get_by_role("option").first
    first.click()
    expect(first).to_have_attribute("aria-selected", "true")
    page.get_by_role("group", name=re.compile("^Form 1, .+, box [1-8] holds:$")).get_by_role(
        "button", name="Not readable"
    ).click()
    expect(page.get_by_role("button", name="Not readable")).to_have_attribute("aria-pressed", "true")
    first.click()
    expect(first).to_have_attribute("aria-selected", "false")
    first.click()
    expect_no_sideways_scrolling(page)
    page.get_by_role("button", name="Keep th").click()
    expect_finished(page)
    while True:  # until every box of the field is said
        page.get_by_role("button", name="Give back and leave").click()
        expect(page.get_by_role("heading", name="Review fields")).to_be_visible()
        links = group(page, "clicks").get_by_role("link", name="All read as")
        if links.count() == 0:
            break
        last = links.count() == 1
        links.first.click()
        page.get_by_role("button", name="Keep th").click()
        expect_finished(page)
        if last:
            expect(page.locator(".note")).to_contain_text(re.compile("Form 1: .+ stays in Field by field. expected"))


def test_control_is_blind(app: RunningApp, new_page: NewPage) -> None:
    sent(app, "control")
    page = new_page("/#/review")
    begin(page)
    start(page, "control", "Control")
    expect(value(page)).to_be_focused()
    expect(page.locator(".work-why")).to_contain_text("You do not see what was read")
    count = int((page.locator(".bar .left").text_content() or "0").split()[0])
    assert count > 0
    for _ in range(count):
        expect(value(page)).to_have_value("")
        expect(page.get_by_role("button", name="History")).to_have_count(0)
        expect(page.locator(".why")).not_to_contain_text("sure")
        page.keyboard.press("Alt+0")
        page.keyboard.press("Enter")
    expect_finished(page)
    expect_no_barriers(page)


def test_two_people_key_a_field_and_agree(app: RunningApp, new_page: NewPage) -> None:
    written = sent(app, "second", 1)
    ada, bo = new_page("/#/review"), new_page("/#/review")
    begin(ada)
    begin(bo, "Bo")
    for page, kind in ((ada, "Field by field"), (bo, "Second key")):
        start(page, "second", kind)
        expect(value(page)).to_be_focused()
        while shown_field(page)[1] != TWICE:
            page.keyboard.press("PageDown")
        if page is bo:
            expect(value(page)).to_have_value("")
            expect(page.locator(".work-why")).to_contain_text("Somebody else has keyed these fields")
        page.keyboard.type(right_text(written, (1, TWICE)))
        page.keyboard.press("Enter")
        until_kept(page)
        if page is ada:  # who is not told of the second key that she may not make
            with page.expect_response("**/v1/review/groups?*") as listed:
                page.keyboard.press("Escape")
            [group] = [each for each in listed.value.json()["groups"] if each["group"] == "second"]
            assert group["left"]["second"] == 0
    expect_finished(bo)
    assert table(app, "second")[1][f"{TWICE}.source"] == "person"


def test_two_people_never_have_the_same_field(app: RunningApp, new_page: NewPage) -> None:
    written = sent(app, "both", 7)
    pages = {"Ada": new_page("/#/review"), "Bo": new_page("/#/review")}
    for name, page in pages.items():
        begin(page, name)
        if name == "Bo":
            expect(group(page, "both").get_by_text("of what is left are with others now")).to_be_visible()
        start(page, "both", "Field by field")
        expect(value(page)).to_be_focused()
    for name, page in pages.items():
        other = "Bo" if name == "Ada" else "Ada"
        expect(page.locator(".others")).to_contain_text(other)
    got: dict[str, list[tuple[int, str]]] = {name: [] for name in pages}
    for _ in range(4):
        for name, page in pages.items():
            got[name].append(shown_field(page))
            page.keyboard.type(right_text(written, got[name][-1]))
            page.keyboard.press("Enter")
    for page in pages.values():
        until_kept(page)
    both = got["Ada"] + got["Bo"]
    assert len(set(both)) == len(both)
    assert by_person(app, "both") == {place for place in both if place[1] != TWICE}


def test_keys_outlive_a_killed_gateway(app: RunningApp, new_page: NewPage) -> None:
    written = sent(app, "killed", 3)
    page = new_page("/#/review")
    begin(page)
    start(page, "killed", "Field by field")
    expect(value(page)).to_be_focused()
    app.kill("gateway")
    places = []
    for _ in range(7):
        places.append(shown_field(page))
        page.keyboard.type(right_text(written, places[-1]))
        page.keyboard.press("Enter")
    expect(page.locator(".unsent")).to_have_text("7 keys are kept here and not sent yet")
    expect(page.locator("#notice")).to_contain_text("The gateway does not answer")
    expect_no_barriers(page)
    app.restart("gateway")
    until_kept(page)
    expect(page.locator("#notice")).to_be_hidden()
    assert by_person(app, "killed") == {place for place in places if place[1] != TWICE}
    forgive(new_page, "ERR_")


def test_claim_that_is_over_offers_what_was_typed(app: RunningApp, new_page: NewPage) -> None:
    written = sent(app, "over", 1)
    page = new_page("/#/review")
    begin(page)
    with page.expect_response("**/claims") as claimed:
        start(page, "over", "Field by field")
    expect(value(page)).to_be_focused()
    claim = claimed.value.json()["claim"]
    place = shown_field(page)
    page.evaluate("(claim) => fetch(`/v1/review/claims/${claim}`, { method: 'DELETE' })", claim)
    page.keyboard.type(right_text(written, place))
    page.keyboard.press("Enter")
    expect(page.locator("#review-problem")).to_contain_text("your time for this field was over")
    assert shown_field(page) == place
    expect(value(page)).to_have_value(right_text(written, place))
    page.keyboard.press("Enter")
    until_kept(page)
    forgive(new_page, "404")
    assert place[1] == TWICE or place in by_person(app, "over")


def test_claim_is_renewed_while_somebody_works(app: RunningApp, new_page: NewPage) -> None:
    sent(app, "renewed", 1)
    page = new_page("/#/review")
    begin(page)
    page.clock.install()
    page.reload()
    with page.expect_response("**/claims") as claimed:
        start(page, "renewed", "Field by field")
    claim = claimed.value.json()["claim"]
    expect(value(page)).to_be_focused()
    place = shown_field(page)
    page.keyboard.type("12")
    with page.expect_response(f"**/{claim}") as renewed:
        page.clock.fast_forward(160_000)  # of the lease's 300 s
    assert (renewed.value.request.method, renewed.value.status) == ("PUT", 200)
    page.mouse.move(5, 5)  # a pointer is a sign of somebody, too
    with page.expect_response(f"**/{claim}"):
        page.clock.fast_forward(160_000)
    ending = page.get_by_text("Nothing has happened here for a while.")
    page.clock.fast_forward(200_000)  # nobody has been there for longer than five minutes
    expect(said(page)).to_contain_text("these fields go back to the others")
    expect_no_barriers(page)
    with page.expect_response(f"**/{claim}"):
        page.get_by_role("button", name="Keep them").click()
        expect(ending).to_be_hidden()
    expect(value(page)).to_be_focused()
    page.keyboard.type("3")
    page.evaluate("(claim) => fetch(`/v1/review/claims/${claim}`, { method: 'DELETE' })", claim)
    page.clock.fast_forward(160_000)
    expect(page.locator("#review-problem")).to_contain_text("your time for this field was over")
    assert shown_field(page) == place
    expect(value(page)).to_have_value("123")
    forgive(new_page, "404")


def test_login_says_who_keys(app: RunningApp, new_page: NewPage, tmp_path: Path) -> None:
    path, database = app.folder / "login.pdf", f"sqlite:///{app.folder / 'gateway.db'}"
    written = write_stack(path, app.folder / "form.yaml", 1)
    scopes = ("--scopes", "submit,read,review", "--database", database)
    create = [sys.executable, "-m", "mmdigit", "token", "create", "--name", "carol", *scopes]
    token = subprocess.run(create, check=True, capture_output=True, text=True).stdout.strip()
    command = app.commands["gateway"]
    port = command.index("--port") + 1
    with RunningConsumer(
        [*command[:port], "0", *command[port + 1 :], "--login", "token"], tmp_path / "gateway.log"
    ) as gateway:
        gateway.wait_until_ready()
        page = new_page(f"{api_url(gateway)}/#/review")
        page.get_by_label("Token").fill(token)
        page.keyboard.press("Enter")
        send_stack(api_url(gateway), path, "carols", token)
        start(page, "carols", "Field by field")
        expect(value(page)).to_be_focused()
        page.keyboard.type(right_text(written, shown_field(page)))
        page.keyboard.press("Enter")
        until_kept(page)
        page.keyboard.press("Escape")
        expect(group(page, "carols").get_by_role("rowheader", name="carol")).to_be_visible()
    forgive(new_page, "401")


def test_gateway_without_forms_says_what_to_do(app: RunningApp, new_page: NewPage, tmp_path: Path) -> None:
    command, flags = commands(0, tmp_path)["gateway"], ("--forms", "--pages", "--template")
    kept = [
        word for before, word in zip(["", *command], command, strict=False) if word not in flags and before not in flags
    ]
    with RunningConsumer(kept, tmp_path / "gateway.log") as gateway:
        gateway.wait_until_ready()
        page = new_page(f"{api_url(gateway)}/#/review")
        expect(page.get_by_text("This gateway reads no forms.")).to_be_visible()
        expect_no_barriers(page)
    forgive(new_page, "404")


def until_kept(page: Page) -> None:
    """Wait until the gateway has all that was typed."""
    page.wait_for_function("() => sessionStorage.getItem('mmdigit.review.keys') === '[]'")

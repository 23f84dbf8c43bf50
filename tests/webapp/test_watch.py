"""Watch: a real batch is seen live to its end, what needs a person is said, and a lost gateway is never silent."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from samples.api import write_page, write_pairs
from tests.webapp.barriers import barriers
from tests.webapp.conftest import NewPage, forgive
from tests.webapp.gateway import ALL, RunningApp

PROGRAMS = ALL
GATEWAY = ("--control-share", "1")
"""So that there is something to review."""
ZIP = {"Content-Type": "application/zip"}
LINES = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(scope="module", autouse=True)
def grafana() -> Iterator[str]:
    """Where the gateway says that the dashboards are."""
    url = "https://grafana.example.com/d/mmdigit-gateway?orgId=1"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MMDIGIT_GRAFANA_URL", url)
        yield url


@pytest.fixture
def client(app: RunningApp) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=app.url, timeout=120, trust_env=False) as opened:
        yield opened


def row(page: Page, group: str) -> str:
    """What the table says of a group, in one line."""
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=group, exact=True)).inner_text()


def said(page: Page) -> str:
    """What a screen reader was told last."""
    return page.locator("#status").text_content() or ""


def test_batch_is_seen_live_to_its_end(
    new_page: NewPage, client: httpx.Client, tmp_path: Path, app: RunningApp
) -> None:  # fmt: skip
    page = new_page("/#/watch")
    expect(page.get_by_text("There are no groups yet.")).to_be_visible()
    expect(page.get_by_text("Nothing right now.")).to_be_visible()
    assert barriers(page) == []

    pairs = write_pairs(tmp_path / "pairs.zip").read_bytes()
    assert client.post("/v1/batches?group=pairs", content=pairs, headers=ZIP).json()["accepted"] == 1000
    progress = page.get_by_role("progressbar", name="Progress of pairs")
    expect(progress).to_have_attribute("max", "1000")
    expect(page.get_by_text("of 1,000 jobs")).to_be_visible()
    expect(page.locator("#status")).to_have_text("pairs is finished.")
    expect(progress).to_have_js_property("value", 1000)
    decisions = client.get("/v1/groups/pairs").json()["decisions"]
    expect(page.get_by_role("cell", name=str(decisions["accept"]), exact=True)).to_be_visible()
    assert "finished" in row(page, "pairs")
    expect(page.locator(".figures")).to_contain_text(re.compile(r"\d answers in the last"))
    chart = page.get_by_role("img", name="Answers a second, last five minutes")
    assert chart.locator("polyline").count() >= 1

    scan = write_page(tmp_path / "page.pdf").read_bytes()
    sent = client.post("/v1/forms/INTK/pages?group=forms", files={"scan": ("page.pdf", scan)})
    assert sent.status_code == 202
    expect(page.locator("#status")).to_have_text("forms is finished.")
    assert "1 of 1 page" in row(page, "forms")
    link = page.get_by_role("link", name=re.compile(r"^forms: \d+ .* to do in Review$"))
    expect(link).to_have_attribute("href", "#/review")
    expect(page.get_by_text("Nothing right now.")).to_be_hidden()
    assert barriers(page) == []


def test_what_needs_a_person_is_said_in_words(new_page: NewPage, client: httpx.Client) -> None:
    page = new_page("/#/watch", color_scheme="dark")
    expect(page.locator(".connection")).to_contain_text("Live.")
    client.post("/v1/batches?group=broken", content=b'{"image": "bm8gaW1hZ2U="}\n', headers=LINES)
    expect(page.locator(".needs")).to_contain_text("broken: one job could not be read.")
    assert "broken: one job could not be read." in said(page)
    assert "▲ 1" in row(page, "broken")
    assert barriers(page) == []


def test_silent_worker_is_said(new_page: NewPage, client: httpx.Client, app: RunningApp) -> None:
    app.kill("worker")
    try:
        page = new_page("/#/watch")
        client.post("/v1/batches?group=later", content=b'{"image": "bm8gaW1hZ2U="}\n', headers=LINES)
        expect(page.locator(".needs")).to_contain_text("Check that the workers are running.")
        assert "Check that the workers are running." in said(page)
    finally:
        app.restart("worker")
    expect(page.locator(".needs")).not_to_contain_text("Check that the workers are running.")


def test_lost_gateway_is_said_and_comes_back(new_page: NewPage, client: httpx.Client, app: RunningApp) -> None:
    page = new_page("/#/watch")
    expect(page.locator(".connection")).to_contain_text("Live.")
    app.kill("gateway")
    expect(page.locator(".connection")).to_contain_text("No connection to the gateway. These figures are")
    assert said(page) == "The connection to the gateway is lost. The figures no longer change."
    assert barriers(page) == []
    app.restart("gateway")
    expect(page.locator(".connection")).to_contain_text("Live.")
    assert said(page) == "Connected again."
    client.post("/v1/batches?group=after", content=b'{"image": "bm8gaW1hZ2U="}\n', headers=LINES)
    expect(page.get_by_role("rowheader", name="after")).to_be_visible()
    forgive(new_page, "net::ERR_")  # of the requests that met no gateway


def test_figures_are_read_by_keyboard_as_a_table(new_page: NewPage) -> None:
    page = new_page("/#/watch")
    expect(page.locator(".connection")).to_contain_text("Live.")
    summary = page.locator("summary").first
    for _ in range(20):
        if summary.evaluate("element => element === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(summary).to_have_accessible_name("Show as a table (Answers a second)")
    page.keyboard.press("Enter")
    table = page.get_by_role("table", name="Answers a second")
    expect(table.get_by_role("row", name="now")).to_be_visible()
    assert barriers(page) == []


@pytest.mark.parametrize("width", [320, 800])
def test_no_width_needs_scrolling_sideways(new_page: NewPage, client: httpx.Client, width: int) -> None:
    name = "g" * 128
    client.post(f"/v1/batches?group={name}", content=b'{"image": "bm8gaW1hZ2U="}\n', headers=LINES)
    page = new_page("/#/watch", viewport={"width": width, "height": 600}, reduced_motion="reduce")
    expect(page.get_by_role("rowheader", name=name)).to_be_visible()
    expect(page.get_by_role("columnheader", name="Time left")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert barriers(page) == []
    place = page.locator(".scrolls", has=page.locator("table.groups"))
    expect(place).not_to_have_attribute("tabindex", "0")  # nothing to scroll to
    page.evaluate("document.querySelector('table.groups').style.fontSize = '16rem'")
    expect(page.get_by_role("region", name="Groups")).to_have_attribute("tabindex", "0")
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_link_leads_to_the_dashboards(new_page: NewPage, grafana: str) -> None:
    page = new_page("/#/watch")
    link = page.get_by_role("link", name="Dashboards in Grafana")
    expect(link).to_have_attribute("href", grafana)
    expect(link).to_have_attribute("rel", "noopener")


def test_figures_are_said_as_people_say_them(new_page: NewPage) -> None:
    page = new_page("/#/watch")
    script = """async () => {
      const { duration } = await import("/app/js/watch/words.js")
      return [0, 0.0213, 0.9999, 2.14, 42.4, 90, 5400].map(duration)
    }"""
    expected = ["0 seconds", "21 milliseconds", "1 second", "2.1 seconds", "42 seconds", "2 minutes", "1.5 hours"]
    assert page.evaluate(script) == expected


def test_table_and_line_change_in_place(new_page: NewPage) -> None:
    page = new_page("/#/watch")
    expect(page.locator(".connection")).to_contain_text("Live.")
    assert page.evaluate("""async () => {
      const { chart } = await import("/app/js/watch/chart.js")
      const { History } = await import("/app/js/watch/history.js")
      const history = new History()
      const { element, show } = chart("backlog", "Wait", String)
      element.querySelector("details").open = true
      history.add(0, { pace: { answers: 0 }, backlog_s: 1 })
      show(history)
      const [row] = element.querySelectorAll("tbody tr")
      history.add(20_000, { pace: { answers: 0 }, backlog_s: 2 })
      show(history)
      return [...element.querySelectorAll("tbody tr")].map((each) => [each.textContent, each === row])
    }""") == [["now2", True], ["20 seconds1", False]]
    line = page.locator(".connection").evaluate_handle("element => element.lastChild")
    before = page.locator(".connection").inner_text()
    expect(page.locator(".connection")).not_to_have_text(before)
    assert line.evaluate("element => element.isConnected")


def test_figures_of_a_moment_name_no_time(new_page: NewPage) -> None:
    page = new_page("/#/watch")
    script = """async (window_s) => {
      const { figuresSection } = await import("/app/js/watch/figures.js")
      const { History } = await import("/app/js/watch/history.js")
      const status = { pace: { window_s, answers: 0, per_s: 0, review: 0 }, backlog_s: 0, groups: [] }
      const history = new History()
      history.add(0, status)
      const { element, show } = figuresSection()
      show(status, history)
      return element.querySelector(".soft").textContent
    }"""
    assert page.evaluate(script, 0.2) == "Counting since a moment ago."
    assert page.evaluate(script, 5) == "0 answers in the last 5 seconds."


def test_work_for_review_is_told_group_by_group(new_page: NewPage) -> None:
    page = new_page("/#/watch")
    script = """async (lefts) => {
      const { waitingTexts } = await import("/app/js/watch/to_review.js")
      const of = ([group, review, second, control]) => ({ group, left: { review, second, control } })
      return waitingTexts(lefts.map(of))
    }"""
    one = [["samples", 5, 1, 12], ["samples", 3, 0, 0], ["done", 0, 0, 0], ["pairs", 0, 0, 1]]
    assert page.evaluate(script, one) == [
        "samples: 9 fields and 12 controls to do in Review",
        "pairs: 1 control to do in Review",
    ]
    many = [[f"g{number}", 1, 0, 0] for number in range(7)]
    assert page.evaluate(script, many)[4:] == ["g4: 1 field to do in Review", "2 more groups have work in Review"]


def test_error_bound_above_the_goal_is_told(new_page: NewPage) -> None:
    page = new_page("/#/watch")
    script = """async (sampled) => {
      const { attentionOf } = await import("/app/js/watch/attention.js")
      const group = { group: "stack", kind: "pages", submitted: 9, done: 9, dead: 0, finished: true, sampled }
      const status = { groups: [group], backlog_s: 70, max_backlog_s: 60, missing: ["store"] }
      return attentionOf(status).map((need) => need.text)
    }"""
    few = {"keyed": 20, "wrong": 0, "bound": 0.139, "target": 0.0014}
    assert page.evaluate(script, few) == [
        "The gateway cannot reach the store of results. The figures are the last ones that it knew.",
        "Jobs wait 70 seconds; the limit is 60 seconds. Until it is less, new jobs are refused.",
        "stack: up to 13.9% of the accepted values may be wrong; the form’s goal is 0.14%. "
        "A larger sample would say more.",
    ]
    assert "3 of 20 values in the sample were wrongly accepted" in page.evaluate(script, {**few, "wrong": 3})[2]
    assert len(page.evaluate(script, {**few, "bound": 0.001})) == 2


def test_wrong_values_that_nobody_confirmed_are_told(new_page: NewPage) -> None:
    page = new_page("/#/watch")
    script = """async (sampled) => {
      const { groupsSection } = await import("/app/js/watch/groups.js")
      const decisions = { accept: 9, review: 0, counted: 9 }
      const counts = { submitted: 9, done: 9, dead: 0, finished: true, decisions }
      const group = { group: "stack", kind: "pages", ...counts, sampled }
      const section = groupsSection()
      section.show({ groups: [group], more_groups: false })
      return section.element.querySelector("td:last-child").textContent
    }"""
    sampled = {"keyed": 20, "wrong": 3, "bound": 0.344, "target": 0.0014, "unconfirmed": 2}
    told = "at most 34.4% (3 of 20 in the sample)"
    assert page.evaluate(script, sampled) == f"{told}, 2 of them not yet confirmed by a second person"
    assert page.evaluate(script, {**sampled, "unconfirmed": 0}) == told

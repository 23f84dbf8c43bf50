"""The parts of reviewing that need no gateway: the outbox, what is told of a text at once, speed, addresses."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from mmdigit.forms.loading import load_template
from mmdigit.forms.reviewing.typed import typed_value
from mmdigit.forms.template.layout import slots_of
from tests.webapp.barriers import barriers
from tests.webapp.conftest import NewPage

FORM = Path("mmdigit/forms/template/example.yaml")
TYPED = (
    *("90481714", " 90481714 ", "'90481714", "9048171", "9048171_", "!12345675", "12345675", "blank", "BLANK", "", "?"),
    *(
        "29022024",
        "29.02.2024",
        "2024-02-29",
        "2024-2-29",
        "29/02/2024",
        "2359",
        "23:59",
        "2:59",
        "12.50",
        "12,5",
        "12",
    ),
    *("1.2.3", "-1", "true", "x", "X", "yes", "0", "no", "maybe", "1", "90481?14", "_", "__", "999", "1_3", "123456"),
)
OUTBOX = """async ({ answers, puts }) => {
  const { outbox } = await import("/app/js/review/outbox.js")
  const { ApiError } = await import("/app/js/api.js")
  const kept = new Map()
  const storage = { getItem: (name) => kept.get(name) ?? null, setItem: (name, text) => kept.set(name, text) }
  const sent = [], results = []
  let ended
  const end = new Promise((resolve) => { ended = resolve })
  const send = async ({ claim, fields = [], boxes = [] }) => {
    const keys = [...fields, ...boxes]
    sent.push([claim, keys.map((key) => [key.field, key.text, key.seen, key.undo ?? false])])
    const status = answers.shift() ?? 200
    if (status !== 200) throw new ApiError(status, "not now")
    return { left: null, results: keys.map((key) => ({ outcome: "kept", seen: key.seen + 1 })) }
  }
  const release = async (claim) => { sent.push([claim, "released"]) }
  const box = outbox({ send, release, storage, wait: async () => {} })
  box.listen((event) => {
    if (event.type === "result") results.push([event.entry.field, event.result.outcome])
    if (event.type === "state" && event.unsent === 0) ended()
  })
  box.put(...puts)
  await end
  return { sent, results, kept: kept.get("mmdigit.review.keys") }
}"""


@pytest.fixture
def blank_page(new_page: NewPage) -> Page:
    return new_page("/#/learn")


def test_shape_refuses_only_what_the_gateway_refuses(blank_page: Page) -> None:
    fields = {slot.name: slot.field for slot in slots_of(load_template(FORM), 0)}
    asked = [
        {"name": name, "type": field.type, "count": field.boxes.count, "text": text}
        for name, field in fields.items()
        for text in TYPED
    ]
    told = blank_page.evaluate(
        """async (asked) => {
          const { shapeProblem } = await import("/app/js/review/shape.js")
          return asked.map(({ text, ...field }) => shapeProblem(field, text))
        }""",
        asked,
    )
    for each, problem in zip(asked, told, strict=True):
        if problem is not None:
            with pytest.raises(ValueError, match="expected"):
                typed_value(fields[str(each["name"])], str(each["text"]))
    assert told.count(None) > len(fields) * 2


def test_outbox_sends_in_order_and_again(blank_page: Page) -> None:
    puts = [entry(field, str(i)) for i, field in enumerate("abab")]
    done = blank_page.evaluate(OUTBOX, {"answers": [503, 0, 401], "puts": puts})
    first = ["claim", [["a", "0", 0, False], ["b", "1", 0, False]]]
    assert done["sent"] == [first, first, first, first, ["claim", [["a", "2", 1, False], ["b", "3", 1, False]]]]
    assert done["results"] == [[field, "kept"] for field in "abab"]
    assert done["kept"] == "[]"


def test_outbox_tells_a_claim_that_is_over(blank_page: Page) -> None:
    done = blank_page.evaluate(OUTBOX, {"answers": [404], "puts": [entry("a", "1"), entry("b", "2")]})
    assert done["results"] == [["a", "not_claimed"], ["b", "not_claimed"]]


def test_outbox_releases_after_the_last_key(blank_page: Page) -> None:
    over = {"claim": "claim", "group": "g", "release": True}
    done = blank_page.evaluate(OUTBOX, {"answers": [503], "puts": [entry("a", "1"), over]})
    assert done["sent"][-1] == ["claim", "released"]
    assert len(done["sent"]) == 3


def test_outbox_sends_what_an_earlier_page_has_left(blank_page: Page) -> None:
    sent = blank_page.evaluate(
        """async (kept) => {
          const { outbox } = await import("/app/js/review/outbox.js")
          const storage = { getItem: () => kept, setItem: () => {} }
          return new Promise((resolve) => {
            const box = outbox({ storage, release: async () => {}, send: async (keys) => {
              resolve(keys)
              return { left: null, results: keys.fields.map(() => ({ outcome: "kept", seen: 1 })) }
            } })
            box.resume()
          })
        }""",
        json.dumps([None, 5, {"claim": "a", "field": "x"}, entry("a", "1")]),  # three that no page of today leaves
    )
    assert sent == {"claim": "claim", "fields": [{"field": "a", "text": "1", "seen": 0}]}


def test_speed_leaves_pauses_out(blank_page: Page) -> None:
    figures = blank_page.evaluate(
        """async () => {
          const { speedometer } = await import("/app/js/review/speed.js")
          let at = 0
          const speed = speedometer(() => at)
          for (const step of [0, 2000, 8000, 90000, 2000]) { at += step; speed.count() }
          return speed.figures
        }"""
    )
    assert figures == {"keyed": 5, "seconds": 4, "perHour": 900}


def test_leases_tell_once_before_they_end(blank_page: Page) -> None:
    told = blank_page.evaluate(
        """async () => {
          const { leases } = await import("/app/js/review/leases.js")
          let at = 0
          const told = []
          const onEnding = (ms) => told.push(ms)
          const held = leases({ isNeeded: () => true, onLost: () => {}, onEnding, now: () => at })
          held.add({ claim: "claim", lease_ms: 400_000 })
          for (at of [100_000, 301_000, 305_000]) held.look()
          held.end()
          return told
        }"""
    )
    assert told == [99_000]


def test_others_hold_what_is_not_mine(blank_page: Page) -> None:
    counts = blank_page.evaluate(
        """async () => {
          const { heldByOthers } = await import("/app/js/review/following.js")
          const clerks = [{ clerk: "Ada", holds: 2 }, { clerk: "Bo", holds: 3 }, { clerk: "Cy", holds: 4 }]
          return [heldByOthers({ clerks }, "Ada"), heldByOthers({ clerks }, null), heldByOthers(null, "Ada")]
        }"""
    )
    assert counts == [7, 9, 0]


def test_address_names_the_task(blank_page: Page) -> None:
    tasks = [
        {"group": "stack-1", "form": "INTK", "kind": "review"},
        {"group": "a b/c", "form": "INTK", "kind": "digits", "digit": 7},
    ]
    there_and_back, odd = blank_page.evaluate(
        """async (tasks) => {
          const { linkTo, taskOf } = await import("/app/js/review/tasks.js")
          const odd = ["#/review", "#/review/g", "#/review/g/F/x", "#/review/g/F/digits/12", "#/review/%/F/review"]
          return [tasks.map((task) => taskOf(linkTo(task))), odd.map(taskOf)]
        }""",
        tasks,
    )
    assert there_and_back == tasks
    assert odd == [None] * 5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_empty_list_says_what_to_do(new_page: NewPage, theme: str) -> None:
    page = new_page("/#/review", color_scheme=theme, viewport={"width": 320, "height": 640})
    name = page.get_by_label("What is your name?")
    expect(name).to_be_focused()
    assert barriers(page) == []
    page.keyboard.type("Ada")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="There are no forms yet")).to_be_visible()
    assert barriers(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 320
    page.get_by_role("button", name="Somebody else").press("Enter")
    expect(name).to_have_value("Ada")


def entry(field: str, text: str) -> dict[str, object]:
    return {"claim": "claim", "group": "g", "field": field, "key": {"field": field, "text": text, "seen": 0}}

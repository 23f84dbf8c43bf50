"""How long a step takes, from the key press to the next field on the screen: `pytest -s` prints it.

REVIEW_STEPS is how many are measured: few by default, to see that it works.
"""

import os
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import expect

from mmdigit.forms.template.layout import Slot
from tests.webapp.conftest import NewPage
from tests.webapp.gateway import RunningApp, running_app
from tests.webapp.stacks import send_stack, write_form, write_stack

STEPS = int(os.environ.get("REVIEW_STEPS", "30"))
COPIES = 1 + STEPS // 18  # about as many fields on each
WATCH = """() => {
  const times = []
  let pressed = 0
  addEventListener("keydown", (event) => { if (event.key === "Enter") pressed = event.timeStamp }, true)
  const what = document.querySelector("#review-what")
  new MutationObserver(() => {
    const at = pressed
    requestAnimationFrame(() => setTimeout(() => times.push(performance.now() - at)))  // after the frame is painted
  }).observe(what, { childList: true })
  window.steps = times
}"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """As in conftest.py, with a form of which each field needs a person."""
    folder = tmp_path_factory.mktemp("speed")
    form = write_form(folder / "form.yaml", unsure_grid=True)
    with running_app(folder, form) as running:
        yield running


def digits_everywhere(slot: Slot, rng: np.random.Generator) -> str:
    count = slot.field.boxes.count
    return "" if slot.field.type == "check" else "".join(map(str, rng.integers(10, size=count)))


def test_step_is_measured(app: RunningApp, new_page: NewPage) -> None:
    path = app.folder / "speed.pdf"
    write_stack(path, app.folder / "form.yaml", COPIES, digits_everywhere)
    send_stack(app.url, path, "speed")
    page = new_page("/#/review")
    page.get_by_label("What is your name?").fill("Ada")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Field by field").click()
    expect(page.get_by_role("textbox", name="Value")).to_be_focused()
    page.evaluate(WATCH)
    for step in range(STEPS):
        # Nobody keys as fast as this test, or before the next field is there.
        page.wait_for_function("step => window.steps.length >= step", arg=step)
        expect(page.locator(".figures")).to_contain_text(f"{step} keyed")
        expect(page.get_by_role("textbox", name="Value")).to_be_focused()
        page.keyboard.press("Alt+0")
        page.keyboard.press("Enter")
    page.wait_for_function("() => sessionStorage.getItem('mmdigit.review.keys') === '[]'")
    times_ms = np.array(page.evaluate("() => window.steps")[:STEPS])
    sys.stdout.write(
        f"\nfrom Enter to the next field on the screen, {len(times_ms)} fields: median {np.median(times_ms):.1f} ms, "
        f"p95 {np.percentile(times_ms, 95):.1f} ms, longest {times_ms.max():.1f} ms\n"
    )

"""How often the feedback on a written digit says what it should, and is silent when it should be.

Run it for the figures of docs/use/learn.md: python -m tests.webapp.feedback_shares [COUNT] [--model]
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TypedDict

from playwright.sync_api import Page, sync_playwright

from samples.strokes import DIGITS, SCRIBBLES, Template
from tests.webapp.gateway import running_app

FOLDER = Path(__file__).parent


class Share(TypedDict):
    """found: how often the feedback did what it should, of how often; missed: what it said otherwise, and how often."""

    found: int
    of: int
    missed: dict[str, int]


def shares_of(
    page: Page, count: int, seed: int, *, with_model: bool, only: list[str] | None = None
) -> dict[str, Share]:
    """Write each way of each digit with each fault, and the shapes of samples/strokes.py, `count` times in the page.

    only: what is counted; None: everything.
    """
    found: dict[str, Share] = page.evaluate(
        _script("feedback_shares.js").replace("HANDWRITING", _script("handwriting.js")),
        {
            "samples": {
                "digits": [[_lines(template) for template in DIGITS[digit]] for digit in range(10)],
                "scribbles": [_lines(template) for template in SCRIBBLES],
            },
            "count": count,
            "seed": seed,
            "withModel": with_model,
            "only": only,
        },
    )
    return found


def _lines(template: Template) -> list[str]:
    return [" ".join(f"{round(100 * x)},{round(100 * y)}" for x, y in stroke) for stroke in template]


def _script(name: str) -> str:
    """A file's function expression, without the comment above it."""
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("//"))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int, nargs="?", default=20)
    parser.add_argument("--model", action="store_true", help="also read each drawing by the model in the page")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_app(Path(folder)) as app, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{app.url}/#/learn")
        for name, share in sorted(shares_of(page, options.count, 1, with_model=options.model).items()):
            often = sorted(share["missed"].items(), key=lambda item: -item[1])[:4]
            found, of = share["found"], share["of"]
            sys.stdout.write(f"{name:28} {found:6}/{of:<6} {found / of:7.1%}  {often}\n")
        browser.close()


if __name__ == "__main__":
    main()

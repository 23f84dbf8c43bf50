"""What keeps people out of a page, by axe-core."""

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
SETTLED = """async () => {
  const ending = document.getAnimations().filter((each) => each.effect.getComputedTiming().endTime !== Infinity)
  await Promise.allSettled(ending.map((each) => each.finished))
}"""


def barriers(page: Page) -> list[str]:
    """Each violation of WCAG 2.2 AA and of axe-core's best practices on what is shown now: rule, place and reason.

    It waits for transitions to end: in the middle of one from light to dark, no text has its contrast.
    """
    page.evaluate(SETTLED)
    found = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:120]}: {node.get('failureSummary', '')}"
        for rule in found
        for node in rule["nodes"]
    ]

"""What surrounds every view: navigation, settings, themes, languages."""

import pytest
from playwright.sync_api import Page, expect

from tests.webapp.barriers import barriers
from tests.webapp.conftest import NewPage

VIEWS = ("read", "learn", "review", "watch")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_view_is_without_barriers(new_page: NewPage, theme: str) -> None:
    page: Page = new_page(color_scheme=theme)
    for view in VIEWS:
        page.goto(f"/#/{view}")
        expect(page.locator(f".view.{view} h1")).to_be_visible()
        assert barriers(page) == [], view


def test_kept_name_is_cut_to_what_the_gateway_takes(new_page: NewPage) -> None:
    page = new_page()
    page.evaluate("localStorage.setItem('mmdigit.settings', JSON.stringify({ name: 'n'.repeat(100) }))")
    page.reload()
    assert page.evaluate("async () => (await import('/app/js/settings.js')).settings.name") == "n" * 64


def test_language_changes_every_text(new_page: NewPage) -> None:
    page = new_page()
    page.get_by_role("button", name="Settings").press("Enter")
    page.get_by_role("radio", name="Deutsch").press("Space")
    expect(page.get_by_role("link", name="Lesen")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.reload()
    expect(page.get_by_role("link", name="Lesen")).to_be_visible()

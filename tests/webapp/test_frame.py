"""What surrounds every view: navigation, settings, themes, languages."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.webapp.barriers import barriers
from tests.webapp.conftest import LIMIT_MS, NewPage, forgive
from tests.webapp.gateway import READING, running_app

VIEWS = ("read", "listen", "learn", "review", "watch")


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
    expect(page.get_by_role("dialog", name="Einstellungen")).to_be_visible()
    expect(page.get_by_role("radio", name="Deutsch")).to_be_focused()
    expect(page.get_by_role("radio", name="Deutsch")).to_be_checked()
    expect(page.locator("dialog .said")).to_have_text("Deutsch")  # the rest of the page is out of reach
    assert barriers(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Einstellungen")).to_be_focused()
    expect(page.get_by_role("link", name="Lesen")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.reload()
    expect(page.get_by_role("link", name="Lesen")).to_be_visible()


def test_language_leaves_an_exercise_as_it_is(new_page: NewPage) -> None:
    page = new_page("/#/learn")
    page.get_by_role("button", name="Start").click()
    digit = page.locator(".learn-exercise h2").inner_text()[-1]
    page.locator(".ink canvas").click()
    expect(page.get_by_role("button", name="Take back")).to_be_enabled()
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("radio", name="Deutsch").check()
    expect(page.locator(".learn-exercise h2")).to_have_text(f"Schreibe diese {digit}")
    expect(page.get_by_role("button", name="Zurücknehmen")).to_be_enabled()
    page.get_by_role("radio", name="English").check()
    expect(page.locator(".learn-exercise h2")).to_have_text(f"Write this {digit}")
    expect(page.get_by_role("button", name="Take back")).to_be_enabled()


def test_focus_goes_to_the_heading_of_another_view(new_page: NewPage) -> None:
    page = new_page()
    expect(page.locator(".view.read h1")).to_be_visible()
    link = page.get_by_role("link", name="Watch").element_handle()
    assert link is not None
    link.press("Enter")
    heading = page.locator(".view.watch h1")
    expect(heading).to_be_focused()
    assert heading.evaluate("(element) => getComputedStyle(element).outlineStyle") == "solid"
    assert link.get_attribute("aria-current") == "page"  # the same link, which had focus
    expect(page).to_have_title("Watch · mmdigit")
    page.locator(".view.watch h1").evaluate("(element) => element.replaceWith(document.createElement('h1'))")
    expect(page.locator(".view.watch h1")).to_be_focused()
    page.emulate_media(forced_colors="active")
    borders = "(links) => links.map((link) => getComputedStyle(link).borderTopStyle)"
    assert page.locator("nav a").evaluate_all(borders) == ["none", "none", "none", "none", "solid"]


def test_same_text_is_said_again(new_page: NewPage) -> None:
    page = new_page()
    said = page.evaluate("""async () => {
      const { announce } = await import("/app/js/dom.js")
      const line = document.getElementById("status")
      return ["Once", "Once", "Once"].map((text) => (announce(text), line.textContent))
    }""")
    assert said == ["Once", "Once\u00a0", "Once"]


def test_dates_cannot_be_taken_for_others(new_page: NewPage) -> None:
    page = new_page()
    script = """async () => {
      const { when, day } = await import("/app/js/texts.js")
      return [when, day].map((words) => words(new Date(2026, 11, 9, 0, 53)))
    }"""
    assert page.evaluate(script) == ["9 Dec 2026, 00:53", "9 Dec 2026"]
    page.evaluate("import('/app/js/settings.js').then(({ choose }) => choose({ language: 'de' }))")
    assert page.evaluate(script) == ["9. Dez. 2026, 00:53", "9. Dez. 2026"]


def test_view_that_does_not_load_says_so(new_page: NewPage) -> None:
    page = new_page()
    page.route("**/app/js/watch/view.js", lambda route: route.fulfill(status=503))
    page.get_by_role("link", name="Watch").click()
    expect(page.locator(".view.watch")).to_contain_text("This view did not load")
    page.unroute("**/app/js/watch/view.js")
    page.get_by_role("button", name="Load again").click()
    expect(page.get_by_role("heading", name="How it is going")).to_be_visible()
    forgive(new_page, "503")


def test_page_without_its_texts_says_so(new_page: NewPage) -> None:
    page = new_page()
    page.route("**/app/texts/**", lambda route: route.fulfill(status=503))
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("did not load")
    forgive(new_page, "503")


@pytest.mark.parametrize("lost", ["main", "dom"])
def test_page_without_its_code_says_so(new_page: NewPage, lost: str) -> None:
    page = new_page()
    expect(page.get_by_role("alert")).to_be_hidden()
    page.route(f"**/app/js/{lost}.js", lambda route: route.abort())
    page.reload()
    expect(page.get_by_role("alert")).to_be_hidden()  # it may still come
    page.evaluate("document.getElementById('failed').getAnimations().forEach((animation) => animation.finish())")
    expect(page.get_by_role("alert")).to_contain_text("did not load")
    forgive(new_page, "ERR_FAILED")


def test_login_can_be_put_off(browser: Browser, tmp_path: Path) -> None:
    with running_app(tmp_path, gateway=("--login", "token"), names=READING) as app:
        context = browser.new_context(base_url=app.url, locale="en-GB", service_workers="block")
        context.set_default_timeout(LIMIT_MS)
        page = context.new_page()
        page.goto("/#/watch")
        dialog = page.get_by_role("dialog", name="Log in")
        dialog.get_by_label("Token").fill("mmd_wrong")
        page.keyboard.press("Enter")
        expect(dialog).to_contain_text("refused this token")
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        page.get_by_role("link", name="Learn").click()  # which needs no token
        expect(page.get_by_role("button", name="Start")).to_be_visible()
        page.get_by_role("button", name="Log in").click()
        expect(dialog).to_be_visible()
        assert barriers(page) == []
        context.close()

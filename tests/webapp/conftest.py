"""Fixtures: the browser, the gateway with a worker behind it, and a page that tolerates no error in its console."""

import os
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.webapp.gateway import READING, RunningApp, running_app
from tests.webapp.speaking import FakeSpeech

LIMIT_MS = 120_000
"""For whatever a test waits for: it catches hangs only."""
expect.set_options(timeout=LIMIT_MS)

NETWORK_CHANGED = "ERR_NETWORK_CHANGED"
"""Chromium breaks requests off when a network of Docker's comes or goes."""
RELOADS = 10  # other tests may start and stop many networks

NewPage = Callable[..., Page]


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium with a fake camera and microphone, which plays the module's FAKE_SPEECH if it has one.

    One a module: while Playwright runs, its thread can run no other event loop.
    """
    program = shutil.which("chromium")
    if program is None:
        problem = "Chromium is not installed; apt-get install chromium"
        if os.environ.get("MMDIGIT_REQUIRE_DOCKER") == "1":
            pytest.fail(f"everything is required here, but {problem}", pytrace=False)
        pytest.skip(problem)
    speech: FakeSpeech | None = getattr(request.module, "FAKE_SPEECH", None)
    flags = ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    if speech is not None:
        spoken = tmp_path_factory.mktemp("microphone") / "spoken.wav"
        speech.write(spoken)
        flags.append(f"--use-file-for-fake-audio-capture={spoken}")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=flags)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def app(
    request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningApp]:
    """Gateway and worker on SQLite files, as `make app` starts them, or the programs in the module's PROGRAMS.

    GATEWAY of the module: more flags of the gateway.
    """
    assert browser.is_connected()  # without a browser, nothing is started
    names: Collection[str] = getattr(request.module, "PROGRAMS", READING)
    gateway: Sequence[str] = getattr(request.module, "GATEWAY", ())
    with running_app(tmp_path_factory.mktemp("app"), gateway=gateway, names=names) as running:
        yield running


@pytest.fixture
def new_page(browser: Browser, app: RunningApp) -> Iterator[NewPage]:
    """new_page(path="/", **context): a page of a new browser profile, in English. The test fails if its console shows
    an error or a violation of the content security policy; a test that causes some forgives them.
    """
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def make(path: str = "/", **options: object) -> Page:
        # Without a service worker, which would fetch 7 MB in each new profile; test_offline.py tests it.
        own: dict[str, Any] = {"locale": "en-GB", "base_url": app.url, "service_workers": "block"}
        context = browser.new_context(**own | options)
        context.set_default_timeout(LIMIT_MS)
        contexts.append(context)
        page = context.new_page()

        def hear(message: ConsoleMessage) -> None:
            if message.type == "error":
                errors.append(message.text)

        page.on("console", hear)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path)
        wait_for_start(page)
        for _ in range(RELOADS):
            if not any(NETWORK_CHANGED in error for error in errors):
                break
            errors[:] = [error for error in errors if NETWORK_CHANGED not in error]
            page.reload()
            wait_for_start(page)
        return page

    make.forgiven = [NETWORK_CHANGED]  # type: ignore[attr-defined]
    yield make
    for context in contexts:
        context.close()
    assert [error for error in errors if not any(text in error for text in make.forgiven)] == []  # type: ignore[attr-defined]


def wait_for_start(page: Page) -> None:
    """Until the page shows a view, or says that it could not start; at once for what is no page of the app."""
    page.wait_for_function(
        """() => {
          const failed = document.getElementById("failed")
          return !failed || document.querySelector("#main h1") || failed.checkVisibility({ visibilityProperty: true })
        }"""
    )


def forgive(new_page: NewPage, text: str) -> None:
    """The test causes errors with this text, which may also come late."""
    new_page.forgiven.append(text)  # type: ignore[attr-defined]

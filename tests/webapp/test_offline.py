"""Without a network: what the service worker keeps, when it serves it, and what it never keeps or holds back."""

import json
import os
import re
import shutil
import signal
import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect

from lab.kit.polling import until
from samples.api import commands
from samples.running import RunningConsumer
from tests.webapp.barriers import barriers
from tests.webapp.between import Answer, between
from tests.webapp.conftest import LIMIT_MS
from tests.webapp.speaking import PACK, FakeSpeech
from tests.webapp.writing import write_by_mouse

ROOT = Path(__file__).parents[2]
WEBAPP = ROOT / "mmdigit" / "webapp"
SPOKEN = 7
FAKE_SPEECH = FakeSpeech(PACK / "audio" / "7_00.wav")
READY = "Ready to work without a network."
INSECURE = "school.test"
"""A name by which the gateway is reached over plain HTTP, from another machine."""
READ = """
async () => {
  const { readInPage } = await import("/app/js/model/reader.js")
  return readInPage({ image: new Float32Array(784) }).then(() => "an answer", (error) => error.code)
}
"""
KEPT = """
async () => {
  const found = {}
  for (const name of await caches.keys()) {
    found[name] = (await (await caches.open(name)).keys()).map((request) => new URL(request.url).pathname)
  }
  return found
}
"""


class Site:
    """A gateway that comes and goes at one address, with files of the app that change."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._gateway: RunningConsumer | None = None
        self._starts = 0
        self.port = 0
        package = folder / "code" / "mmdigit"
        package.mkdir(parents=True)
        for entry in (ROOT / "mmdigit").iterdir():
            if entry.name not in ("webapp", "__pycache__"):
                (package / entry.name).symlink_to(entry)
        self._webapp = package / "webapp"
        shutil.copytree(WEBAPP, self._webapp)
        self._changed: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def open(self) -> None:
        self._starts += 1
        log = self._folder / f"gateway-{self._starts}.log"
        paths = f"PYTHONPATH={self._folder / 'code'}{os.pathsep}{ROOT}"
        command = [
            "env",
            "PYTHONSAFEPATH=1",
            paths,
            *commands(self.port, self._folder)["gateway"],
            "--allowed-hosts",
            INSECURE,
        ]
        self._gateway = self._stack.enter_context(RunningConsumer(command, log))
        self._gateway.wait_until_ready()
        found = re.search(r"api=http://127\.0\.0\.1:(\d+)", log.read_text())
        assert found is not None
        self.port = int(found[1])

    def kill(self) -> None:
        if self._gateway is not None:
            self._gateway.process.send_signal(signal.SIGKILL)
            self._gateway.process.wait()
            self._gateway = None

    def change(self, path: str, old: str, new: str) -> None:
        """From the next start on."""
        file = self._webapp / path
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")
        self._changed.add(path)

    def as_it_ships(self) -> None:
        """Open, with every file as it is in this tree."""
        if self._changed:
            self.kill()
        while self._changed:
            path = self._changed.pop()
            shutil.copy(WEBAPP / path, self._webapp / path)
        if self._gateway is None:
            self.open()

    def version(self) -> str:
        with urllib.request.urlopen(f"{self.url}/app/files.json") as response:  # noqa: S310  the test's own
            return str(json.load(response)["version"])


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(tmp_path_factory.mktemp("site"), stack)


@pytest.fixture
def site(address: Site) -> Site:
    address.as_it_ships()
    return address


@pytest.fixture
def visitor(browser: Browser, site: Site) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="en-GB", base_url=site.url)
    context.set_default_timeout(LIMIT_MS)
    yield context
    context.close()


def visit(visitor: BrowserContext) -> Page:
    """The page of a first visit, once it is ready to work without a network."""
    page = visitor.new_page()
    page.goto("/")
    expect(page.get_by_text(READY)).to_be_attached()
    return page


def go_offline(site: Site, visitor: BrowserContext) -> None:
    site.kill()
    visitor.set_offline(True)


def test_every_view_opens_without_a_network(site: Site, visitor: BrowserContext) -> None:
    page = visit(visitor)
    go_offline(site, visitor)
    failed: list[str] = []
    page.on("requestfailed", lambda request: failed.append(request.url.removeprefix(site.url)))
    page.reload()
    for view in ("read", "listen", "learn", "review", "watch"):
        page.goto(f"/#/{view}")
        expect(page.locator(f".view.{view} h1")).to_be_visible()
        if view in ("review", "watch"):  # which need the gateway
            expect(page.get_by_text(re.compile("does not answer|No connection to the gateway"))).not_to_have_count(0)
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("radio", name="Deutsch").check()
    expect(page.get_by_role("link", name="Lesen")).to_be_visible()
    page.goto("/?again")
    expect(page.get_by_role("link", name="Lesen")).to_be_visible()
    assert [path for path in failed if path.startswith("/app/")] == []


def test_digit_is_read_and_said_without_a_network(site: Site, visitor: BrowserContext) -> None:
    page = visit(visitor)
    go_offline(site, visitor)
    page.reload()
    page.get_by_role("switch", name="Read in this page alone").check()
    page.get_by_role("switch", name="Say answers aloud").check()
    write_by_mouse(page.get_by_role("application", name="Pad to write digits on"), SPOKEN)
    page.get_by_role("button", name="Say it", exact=True).click()
    expect(page.get_by_role("list", name="To read").get_by_role("listitem")).to_have_count(2)
    with page.expect_response(re.compile(rf"/clips/en/{SPOKEN}\.ogg$")):
        page.get_by_role("button", name="Read", exact=True).click()
    expect(page.locator("#status")).to_have_text(re.compile(f"Written: {SPOKEN}, .*Spoken: {SPOKEN}, "))


def test_clips_of_the_chosen_language_are_kept(site: Site, visitor: BrowserContext) -> None:
    page = visit(visitor)
    assert not any("/clips/de/" in path for paths in page.evaluate(KEPT).values() for path in paths)
    page.get_by_role("button", name="Settings").press("Enter")
    page.get_by_role("radio", name="Deutsch").press("Space")
    until(
        lambda: any(path == "/app/clips/de/7.ogg" for paths in page.evaluate(KEPT).values() for path in paths),
        "the German clips",
    )


def test_nothing_of_the_api_is_kept(site: Site, visitor: BrowserContext) -> None:
    page = visit(visitor)
    page.reload()
    assert page.evaluate("async () => (await fetch('/v1/groups')).status") == 200
    kept = page.evaluate(KEPT)
    version = site.version()
    assert set(kept) == {"mmdigit", f"mmdigit-{version}"}
    assert all(path.startswith("/app/") for paths in kept.values() for path in paths)
    assert "/app/model/mmdigit.onnx" in kept[f"mmdigit-{version}"]


def test_foreign_answers_are_never_kept(site: Site, visitor: BrowserContext) -> None:
    """As the login page of a network gives them, while the page fetches its files."""
    script, retyped = "/app/js/review/view.js", "/app/js/learn/view.js"
    with between(site.url) as proxy:
        proxy.answers[script] = Answer()
        page = visitor.new_page()
        page.goto(proxy.url)
        page.get_by_role("button", name="Settings").click()
        expect(page.get_by_text("It could not be stored")).to_be_visible()
        proxy.answers = {retyped: Answer((WEBAPP / "js" / "learn" / "view.js").read_bytes(), "text/plain")}
        page.get_by_role("button", name="Store it now").click()
        expect(page.get_by_text(re.compile(r"Stored on this device \("))).to_be_visible()
        site.kill()
        for view in ("learn", "review"):
            page.goto(f"{proxy.url}/?{view}#/{view}")
            expect(page.locator(f".view.{view} h1")).to_be_visible()


def test_keeping_goes_on_after_a_broken_connection(site: Site, visitor: BrowserContext) -> None:
    script = "js/review/view.js"
    with between(site.url) as proxy:
        proxy.answers[f"/app/{script}"] = Answer((WEBAPP / script).read_bytes(), "text/javascript", missing=1)
        page = visitor.new_page()
        page.goto(proxy.url)
        until(partial(proxy.asked.count, f"GET /app/{script}"), "the request that breaks off")
        proxy.answers.clear()
        expect(page.get_by_text(READY)).to_be_attached()


def test_last_request_of_a_page_that_leaves_arrives(site: Site, visitor: BrowserContext) -> None:
    page = visitor.new_page()
    with between(site.url) as proxy:
        for claim in ("first", "second", "third", "fourth"):  # not each one was lost
            page.goto(proxy.url)
            until(lambda: page.evaluate("navigator.serviceWorker.controller !== null"), "the service worker in control")
            page.evaluate(
                """async (claim) => {
                  const { releaseAtOnce } = await import("/app/js/review/requests.js")
                  window.addEventListener("pagehide", () => releaseAtOnce(claim))
                }""",
                claim,
            )
            page.goto("about:blank")
            request = f"DELETE /v1/review/claims/{claim}"
            until(partial(proxy.asked.count, request), "its last request")


def test_new_version_comes_at_once_and_is_kept(site: Site, visitor: BrowserContext) -> None:
    page = visit(visitor)
    first = site.version()
    site.kill()
    site.change("texts/en/read.js", "Write it, say it", "Write it anew")
    site.open()
    page.goto("/?2")
    expect(page.get_by_role("heading", name="Write it anew")).to_be_visible()
    until(lambda: f"mmdigit-{first}" not in page.evaluate(KEPT), "the new version in place of the old one")
    site.kill()
    page.goto("/?3")
    expect(page.get_by_role("heading", name="Write it anew")).to_be_visible()


def test_broken_version_holds_nobody(site: Site, visitor: BrowserContext) -> None:
    page = visit(visitor)
    site.kill()
    site.change("js/main.js", "start()\n", "throw new Error('broken')\n")
    site.open()
    broken = site.version()
    page.goto("/?2")
    until(lambda: list(page.evaluate(KEPT)) == ["mmdigit", f"mmdigit-{broken}"], "the broken version kept")
    site.kill()
    site.change("js/main.js", "throw new Error('broken')\n", "start()\n")
    site.open()
    page.goto("/?3")
    expect(page.locator(".view.read h1")).to_be_visible()


def test_broken_service_worker_holds_nobody(site: Site, visitor: BrowserContext) -> None:
    site.kill()
    site.change(
        "service-worker.js", "event.respondWith(start(event))", "event.respondWith(Promise.reject(Error('broken')))"
    )
    site.open()
    page = visit(visitor)
    with pytest.raises(Error):
        page.goto("/?2")
    site.as_it_ships()

    def comes_back() -> bool:
        try:
            page.goto("/?3")
        except Error:
            return False
        return True

    until(comes_back, "the mended service worker", pause_s=3)  # Chromium looks for it between loads
    expect(page.locator(".view.read h1")).to_be_visible()


def test_gateway_that_hangs_holds_nobody(site: Site, visitor: BrowserContext) -> None:
    page = visit(visitor)
    site.kill()
    with socket.create_server(("127.0.0.1", site.port)):
        page.goto("/?2")
        expect(page.locator(".view.read h1")).to_be_visible()


def test_address_of_another_program_is_left(site: Site, visitor: BrowserContext) -> None:
    page = visit(visitor)
    site.kill()
    with another_program(site.port):
        page.goto("/?2")
        expect(page.get_by_text("Another program")).to_be_visible()
        until(lambda: page.evaluate(KEPT) == {}, "nothing kept")
    site.open()
    page.goto("/?3")
    expect(page.locator(".view.read h1")).to_be_visible()


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_settings_store_the_app_on_demand(site: Site, visitor: BrowserContext, by: str) -> None:
    visitor.add_init_script("Object.defineProperty(navigator, 'connection', { value: { saveData: true } })")
    page = visitor.new_page()
    page.goto("/")
    settings, store = page.get_by_role("button", name="Settings"), page.get_by_role("button", name="Store it now")
    if by == "mouse":
        settings.click()
        expect(page.get_by_text("Not stored on this device yet.")).to_be_visible()
        store.click()
    else:
        settings.press("Enter")
        expect(store).to_be_visible()
        store.press("Enter")
    line = page.get_by_text(re.compile(r"Stored on this device \(\d+ MB\)"))
    expect(line).to_be_visible()
    expect(line).to_be_focused()
    expect(store).to_be_hidden()
    assert barriers(page) == []
    size = re.search(r"\d+ MB", line.text_content() or "")
    assert size is not None
    for name in ("use/read.md", "design/limits.md"):
        assert size[0] in (ROOT / "docs" / name).read_text(encoding="utf-8"), name


def test_address_without_https_says_what_it_cannot(site: Site, browser: Browser) -> None:
    flags = ["--no-sandbox", f"--host-resolver-rules=MAP {INSECURE} 127.0.0.1"]
    with browser.browser_type.launch(executable_path=shutil.which("chromium"), args=flags) as other:
        page = other.new_page(locale="en-GB", base_url=f"http://{INSECURE}:{site.port}")
        page.goto("/")
        page.get_by_role("button", name="Settings").click()
        expect(page.get_by_text("This browser stores nothing from here.")).to_be_visible()
        expect(page.get_by_role("button", name="Store it now")).to_be_hidden()
        assert page.evaluate(READ) == "unsupported"


def test_page_that_reads_alone_is_chosen_and_kept(site: Site, visitor: BrowserContext) -> None:
    page = visitor.new_page()
    page.goto("/")
    page.get_by_role("button", name="Settings").press("Enter")
    page.get_by_role("radio", name="The gateway").press("ArrowDown")
    expect(page.get_by_role("radio", name="This page alone")).to_be_checked()
    page.reload()
    assert page.evaluate("async () => (await import('/app/js/settings.js')).settings.where") == "page"


@contextmanager
def another_program(port: int) -> Iterator[None]:
    """A web server that knows nothing of this project."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = (200, b"Another program") if self.path.startswith("/?") else (404, b"")
            self.send_response(status)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()

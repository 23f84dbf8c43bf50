"""Webhooks against a real server that takes them, fails, redirects, or hangs; time is the test's own."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import SecretStr

from mmdigit.forms.template.template import Template
from mmdigit.gateway import webhooks
from mmdigit.gateway.access.principal import SCOPES, Principal
from mmdigit.gateway.metrics import GatewayMetrics, WebhookOutcome
from mmdigit.gateway.registry.ports import StoredGroup
from mmdigit.gateway.signing import webhook_key
from mmdigit.gateway.webhooks import Webhooks
from tests.factories import make_dead_letter, make_prediction
from tests.mmdigit.forms.store.kept import fault
from tests.mmdigit.forms.worker.fakes import page_content
from tests.mmdigit.forms.written import TEMPLATE
from tests.mmdigit.gateway.served import Served, served

SECRET = SecretStr("s" * 32)
LINES = {"Content-Type": "application/x-ndjson"}
START = datetime(2026, 11, 28, 12, tzinfo=UTC)


@dataclass
class Post:
    path: str
    headers: dict[str, str]
    body: bytes

    def verify(self, tenant: str = "") -> None:
        """As a receiver does."""
        key = webhook_key(SECRET.get_secret_value(), tenant)
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        assert self.headers["webhook-signature"] == f"v1,{expected}"


@dataclass
class Receiver:
    """answer: what each POST gets, (status, headers, body); it may block."""

    port: int = 0
    url: str = ""
    posts: list[Post] = field(default_factory=list)
    answer: Callable[[], tuple[int, dict[str, str], bytes]] = lambda: (204, {}, b"")


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.posts.append(Post(self.path, headers, body))
            status, more, content = receiver.answer()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **more}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    receiver.port = server.server_port
    receiver.url = f"http://127.0.0.1:{receiver.port}/hook?a=1"
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Bench:
    gateway: Served
    receiver: Receiver
    webhooks: Webhooks
    at: list[datetime]
    metrics: GatewayMetrics

    def count(self, outcome: WebhookOutcome) -> float | None:
        return self.metrics.registry.get_sample_value("mmdigit_gateway_webhooks_total", {"outcome": outcome})

    def look(self, *, after: timedelta = timedelta(0)) -> None:
        """Let time pass, look, and wait until what is due has ended."""
        self.at[0] += after

        async def look_once() -> None:
            await self.webhooks.look()
            await self.webhooks.settled()

        self.gateway.run(look_once())

    def submit(self, count: int = 2, query: str = "") -> str:
        """A batch with a webhook; its group."""
        lines = b"".join(b'{"image":"NA==","job_id":"%d"}\n' % number for number in range(count))
        path = f"/v1/batches?group=g&webhook={self.receiver.url.replace('?', '%3F')}{query}"
        with self.gateway.client() as client:
            response = client.post(path, content=lines, headers=LINES)
        assert response.status_code == 202, response.text
        return str(response.json()["group"])

    def answer(self, *names: str, group: str = "g") -> None:
        self.gateway.store.put(
            [make_prediction().model_copy(update={"job_id": name, "group": group}) for name in names]
        )


@contextmanager
def on_bench(folder: Path, *templates: Template) -> Iterator[Bench]:
    with served(folder, hosts=frozenset({"127.0.0.1"}), templates=templates) as gateway, receiving() as receiver:
        metrics = GatewayMetrics()
        at = [gateway.services.now() + timedelta(seconds=1)]

        async def make() -> Webhooks:
            return Webhooks(gateway.services, gateway.services.webhook_hosts, SECRET, metrics, lambda: at[0])

        yield Bench(gateway, receiver, gateway.run(make()), at, metrics)


@pytest.fixture(name="bench")
def running(tmp_path: Path) -> Iterator[Bench]:
    with on_bench(tmp_path) as bench:
        yield bench


def test_finished_group_is_told_once_and_signed(bench: Bench) -> None:
    bench.submit()
    bench.look()
    bench.answer("0")
    bench.look(after=timedelta(seconds=5))
    assert bench.receiver.posts == []
    bench.answer("1")
    bench.look(after=timedelta(seconds=60))
    bench.look(after=timedelta(days=1))
    [post] = bench.receiver.posts
    post.verify()
    assert post.path == "/hook?a=1"
    told = json.loads(post.body)
    assert told["type"] == "group.finished"
    data = told["data"]
    assert (data["group"], data["submitted"], data["done"], data["dead"]) == ("g", 2, 2, 0)
    assert data["decisions"]["counted"] == 2
    kept = bench.gateway.registry.group("", "g")
    assert kept is not None
    assert kept.finished_at == datetime.fromisoformat(told["timestamp"])


def test_dead_jobs_finish_a_group_too(bench: Bench) -> None:
    bench.submit()
    bench.answer("0")
    bench.gateway.store.put_dead_letters([make_dead_letter().model_copy(update={"job_id": "1", "group": "g"})])
    bench.look()
    assert json.loads(bench.receiver.posts[0].body)["data"]["dead"] == 1


def test_tenants_have_keys_of_their_own(bench: Bench) -> None:
    bench.gateway.principal = Principal("blue", SCOPES, "test")
    bench.submit(1)
    bench.answer("blue:0", group="blue:g")
    bench.look()
    [post] = bench.receiver.posts
    post.verify("blue")
    assert json.loads(post.body)["data"]["group"] == "g"
    assert b"blue" not in post.body


def test_failed_attempts_repeat_under_the_same_id(bench: Bench) -> None:
    bench.submit(1)
    bench.answer("0")
    bench.receiver.answer = lambda: (503, {}, b"")
    bench.look()
    pauses_s = (5, 15, 45)
    for attempts, pause_s in enumerate(pauses_s, 1):
        bench.look(after=timedelta(seconds=pause_s - 0.1))
        assert len(bench.receiver.posts) == attempts
        bench.look(after=timedelta(seconds=0.1))
        assert len(bench.receiver.posts) == attempts + 1
    bench.receiver.answer = lambda: (200, {}, b"thanks")
    bench.look(after=timedelta(seconds=135))
    bench.look(after=timedelta(days=1))
    assert len(bench.receiver.posts) == len(pauses_s) + 2
    assert (bench.count("delivered"), bench.count("failed"), bench.count("given_up")) == (1, 4, 0)
    assert len({post.headers["webhook-id"] for post in bench.receiver.posts}) == 1
    assert len({post.body for post in bench.receiver.posts}) == 1
    for post in bench.receiver.posts:
        post.verify()


def test_attempts_end_after_a_day(bench: Bench) -> None:
    bench.submit(1)
    bench.answer("0")
    bench.receiver.answer = lambda: (500, {}, b"")
    while True:
        before = len(bench.receiver.posts)
        bench.look(after=timedelta(hours=4))
        if len(bench.receiver.posts) == before:
            break
    assert 6 <= before <= 8
    assert (bench.count("delivered"), bench.count("failed"), bench.count("given_up")) == (0, before - 1, 1)
    bench.look(after=timedelta(days=30))
    assert len(bench.receiver.posts) == before


def test_receiver_that_is_gone_is_left_alone(bench: Bench) -> None:
    bench.submit(1)
    bench.answer("0")
    bench.receiver.answer = lambda: (410, {}, b"")
    bench.look()
    bench.look(after=timedelta(hours=5))
    assert len(bench.receiver.posts) == 1


def test_redirects_are_not_followed(bench: Bench) -> None:
    bench.submit(1)
    bench.answer("0")
    bench.receiver.answer = lambda: (307, {"Location": bench.receiver.url.replace("/hook", "/other")}, b"")
    bench.look()
    bench.look(after=timedelta(minutes=1))
    assert [post.path for post in bench.receiver.posts] == ["/hook?a=1"] * 2


def test_answers_are_read_within_bounds(bench: Bench) -> None:
    bench.submit(1)
    bench.answer("0")
    bench.receiver.answer = lambda: (200, {"Content-Length": str(1 << 40)}, bytes(1 << 20))
    bench.look()
    bench.look(after=timedelta(hours=5))
    assert len(bench.receiver.posts) == 1


def test_slow_receiver_is_cut_and_tried_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "TIMEOUT_S", 0.2)
    bench.submit(1)
    bench.answer("0")
    done = threading.Event()

    def slow() -> tuple[int, dict[str, str], bytes]:
        done.wait(30)
        return 200, {}, b""

    bench.receiver.answer = slow
    bench.look()
    bench.receiver.answer = lambda: (200, {}, b"")
    bench.look(after=timedelta(seconds=6))
    done.set()
    bench.look(after=timedelta(hours=5))
    assert len(bench.receiver.posts) == 2


def test_receiver_that_is_away_is_tried_again(bench: Bench) -> None:
    bench.submit(1)
    bench.answer("0")
    registry = bench.gateway.registry
    registry.put_group(StoredGroup("", "away", "jobs", 0, bench.at[0]))
    registry.put_webhook("", "away", "http://127.0.0.1:1/", bench.at[0])
    bench.look()
    [webhook] = registry.claim_webhooks(bench.at[0] + timedelta(seconds=10), 1, 10)
    assert (webhook.group, webhook.attempts) == ("away", 1)
    assert "got" in webhook.error


def test_host_that_is_listed_no_more_gets_nothing(bench: Bench) -> None:
    bench.submit(1)
    bench.answer("0")
    bench.webhooks._hosts = frozenset({"hooks.example.com"})
    bench.look()
    bench.look(after=timedelta(hours=5))
    assert bench.receiver.posts == []


def test_group_that_never_finishes_is_given_up(bench: Bench) -> None:
    bench.submit(1)
    bench.look()
    bench.look(after=timedelta(days=8))
    assert bench.gateway.registry.claim_webhooks(bench.at[0] + timedelta(days=9), 1, 10) == []


def test_two_gateways_send_a_webhook_once(bench: Bench) -> None:
    bench.submit(1)
    bench.answer("0")

    async def both() -> None:
        other = Webhooks(bench.gateway.services, {"127.0.0.1"}, SECRET, now=lambda: bench.at[0])
        await bench.webhooks.look()
        await other.look()
        await bench.webhooks.settled()
        await other.settled()

    bench.gateway.run(both())
    assert len(bench.receiver.posts) == 1


@pytest.mark.parametrize("path", ["/v1/batches", "/v1/forms/INTK/pages"])
def test_webhook_to_another_host_is_refused(bench: Bench, path: str) -> None:
    with bench.gateway.client() as client:
        response = client.post(f"{path}?webhook=https://example.com/", content=b"{}\n", headers=LINES)
    assert response.status_code in (404, 422)
    if path == "/v1/batches":
        assert "--webhook-hosts (127.0.0.1)" in response.json()["detail"]
    assert bench.gateway.jobs() == []


def test_finished_pages_are_told_too(tmp_path: Path) -> None:
    with on_bench(tmp_path, TEMPLATE) as bench, bench.gateway.client() as client:
        path = f"/v1/forms/{TEMPLATE.form}/pages?group=p&webhook=http://127.0.0.1:{bench.receiver.port}/"
        assert client.post(path, content=page_content(), headers={"Content-Type": "image/png"}).status_code == 202
        bench.look()
        assert bench.receiver.posts == []
        kept = bench.gateway.registry.group("", "p")
        assert kept is not None
        assert bench.gateway.services.forms is not None
        bench.gateway.services.forms.store.put_pages([fault(1, group=kept.pages[0])])
        bench.look(after=timedelta(minutes=1))
    data = json.loads(bench.receiver.posts[0].body)["data"]
    assert (data["kind"], data["submitted"], data["done"], data["dead"], data["finished"]) == ("pages", 1, 0, 1, True)

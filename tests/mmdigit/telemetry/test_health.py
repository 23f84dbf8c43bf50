"""The health server's three paths, over real sockets."""

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from mmdigit.telemetry.health import HealthServer, Status
from schemas.errors import SettingsError
from worker.metrics import Metrics


class Checks:
    alive = Status(True, "alive")
    ready = Status(False, "no partitions assigned yet")


@pytest.fixture
def server() -> Iterator[HealthServer]:
    server = HealthServer("127.0.0.1", 0, Metrics().registry, lambda: Checks.alive, lambda: Checks.ready)
    yield server
    server.close()


def get(server: HealthServer, path: str, authorization: str | None = None) -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}")
    if authorization is not None:
        request.add_header("Authorization", authorization)
    try:
        with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310
            return response.status, response.read().decode()
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code, exc.read().decode()


def test_checks_say_why(server: HealthServer) -> None:
    assert get(server, "/healthz") == (200, "alive\n")
    assert get(server, "/readyz?verbose=1") == (503, "no partitions assigned yet\n")


def test_metrics_are_exported(server: HealthServer) -> None:
    status, text = get(server, "/metrics")
    assert status == 200
    assert 'mmdigit_jobs_total{outcome="accept"} 0.0' in text


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("Bearer t0ken", 200),
        ("Bearer other", 401),
        ("bearer", 401),
        ("Basic t0ken", 401),
        ("Bearer t\xf6ken", 401),
    ],
)
def test_metrics_require_the_token_but_checks_do_not(authorization: str | None, status: int) -> None:
    server = HealthServer(
        "127.0.0.1", 0, Metrics().registry, lambda: Checks.alive, lambda: Checks.alive, SecretStr("t0ken")
    )
    try:
        found, text = get(server, "/metrics", authorization)
        assert (found, "mmdigit_jobs_total" in text) == (status, status == 200)
        assert "t0ken" not in text
        assert get(server, "/healthz")[0] == get(server, "/readyz")[0] == 200
    finally:
        server.close()


def test_unknown_path_lists_the_known_ones(server: HealthServer) -> None:
    assert get(server, "/etc/passwd") == (404, "expected /metrics, /healthz or /readyz\n")


def test_taken_port_is_one_clear_line(server: HealthServer) -> None:
    with pytest.raises(SettingsError, match=r"expected to listen on 127\.0\.0\.1:\d+ .* set --metrics-port"):
        HealthServer("127.0.0.1", server.port, Metrics().registry, lambda: Checks.alive, lambda: Checks.ready)


def test_server_survives_disconnects_and_invalid_requests(
    server: HealthServer, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as peer:
        peer.sendall(b"\x00\xff rubbish\r\n\r\n")
    assert get(server, "/healthz")[0] == 200
    assert capfd.readouterr().err == ""

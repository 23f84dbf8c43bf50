"""The gateway as a process: its start, its end, its limits on files, and what its metrics port says."""

import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from lab.kit.polling import until
from mmdigit.transport.urls import open_store
from tests.factories import make_prediction
from tests.mmdigit.gateway.processes import gateway, log_lines

IMAGE = {"image": ("a.png", bytes(784))}


def test_gateway_answers_and_ends_with_0(tmp_path: Path) -> None:
    """On SIGTERM it answers open requests, and ends event streams."""
    store = f"sqlite:///{tmp_path / 'queue.db'}"
    with gateway(tmp_path) as api:
        assert api.get("/healthz").text == "alive\n"
        lines = {"Content-Type": "application/x-ndjson"}
        batch = f"{api.url}/v1/batches?group=g"
        assert httpx.post(batch, content=b'{"image": "NA=="}', headers=lines, trust_env=False).status_code == 202
        answers: list[httpx.Response] = []

        def submit() -> None:
            answers.append(
                httpx.post(
                    f"{api.url}/v1/jobs?wait=25", files=IMAGE, data={"job_id": "job-0"}, trust_env=False, timeout=60
                )
            )

        with httpx.stream("GET", f"{api.url}/v1/groups/g/events", trust_env=False, timeout=60) as stream:
            assert stream.status_code == 200
            waiting = threading.Thread(target=submit)
            waiting.start()
            until(lambda: _metric(api.metrics_url, "waiters") == 1, "a submission that waits")
            assert _metric(api.metrics_url, "open_streams") == 1
            api.process.send_signal(signal.SIGTERM)
            until(lambda: any("stopping" in line["message"] for line in log_lines(api.log)), "the stop")
            with pytest.raises(OSError, match="refused"):
                until(lambda: socket.create_connection(("127.0.0.1", api.port)).close(), "no more connections")
            with open_store(store) as opened:
                opened.put([make_prediction(0)])
            assert list(stream.iter_lines())[:1] == ["retry: 1000"]
        waiting.join()
        assert [(each.status_code, each.json()["state"]) for each in answers] == [(200, "done")]
        assert api.process.wait(60) == 0
        assert log_lines(api.log)[-1]["message"] == "stopped"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_idle_gateway_ends_at_once(tmp_path: Path, number: signal.Signals) -> None:
    with gateway(tmp_path) as api, socket.create_connection(("127.0.0.1", api.port)) as idle:
        idle.sendall(b"GET / HT")
        api.process.send_signal(number)
        assert api.process.wait(60) == 0


def test_gateway_outlasts_more_clients_than_files(tmp_path: Path) -> None:
    """No connection at all is left by the limit of 100 files, and yet a normal client is answered."""
    limited = ["/bin/sh", "-c", 'ulimit -n 100; exec "$@"', "limited"]
    with gateway(tmp_path, before=limited) as api:
        assert any("ulimit -n" in line["message"] for line in log_lines(api.log))
        idle = [socket.create_connection(("127.0.0.1", api.port)) for _ in range(300)]
        try:
            assert api.get("/readyz").text == "ready\n"
            assert _metric(api.metrics_url, "connections") <= 50
        finally:
            for client in idle:
                client.close()


def test_metrics_port_says_what_the_gateway_does(tmp_path: Path) -> None:
    with gateway(tmp_path) as api:
        httpx.post(f"{api.url}/v1/jobs", files=IMAGE, trust_env=False)
        assert _metric(api.metrics_url, "jobs_published_total") == 1
        assert _metric(api.metrics_url, "publish_seconds_count") == 1
        for path in ("/healthz", "/readyz"):
            assert httpx.get(f"{api.metrics_url}{path}", trust_env=False).status_code == 200
        until(lambda: _metric(api.metrics_url, "backlog_seconds") > 0, "a backlog, without a worker")


def test_busy_port_is_an_error_of_settings(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        flags = ["--jobs", url, "--store", url, "--database", f"sqlite:///{tmp_path / 'gateway.db'}"]
        command = [sys.executable, "-m", "mmdigit.gateway", *flags, "--metrics-port", "0"]
        done = subprocess.run(
            [*command, "--port", str(taken.getsockname()[1])], capture_output=True, text=True, check=False
        )
    assert done.returncode == 2
    assert "set --port or --host" in done.stderr.splitlines()[-1]


def _metric(url: str, name: str) -> float:
    page = httpx.get(f"{url}/metrics", trust_env=False, timeout=30).text
    [line] = [line for line in page.splitlines() if line.startswith(f"mmdigit_gateway_{name} ")]
    return float(line.split()[1])

"""The audit of shipped dependencies fails on known vulnerabilities, and never passes if it could not run."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lab.kit.services import free_port

ROOT = Path(__file__).parents[1]
ADVISORY = {
    "id": "PYSEC-2026-1",
    "summary": "made for this test",
    "affected": [
        {
            "package": {"name": "redis", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "999"}]}],
        }
    ],
}


@contextmanager
def advisories(vulnerable: str) -> Iterator[str]:
    """A service that speaks OSV's protocol and knows one vulnerable package; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = [ADVISORY] if asked["package"]["name"] == vulnerable else []
            body = json.dumps({"vulns": found} if found else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
        server.shutdown()
        thread.join()


def audit(service: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / ".ci" / "audit", service], env=os.environ | environment, capture_output=True, text=True
    )


def test_audit_without_findings_says_so() -> None:
    with advisories("none") as service:
        ran = audit(service)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("has no known vulnerability") == 5
    assert "NOT DONE" not in ran.stderr


def test_audit_fails_on_a_known_vulnerability() -> None:
    with advisories("redis") as service:
        ran = audit(service)
    assert ran.returncode == 1
    assert "PYSEC-2026-1" in ran.stdout
    assert "no known" not in ran.stdout


@pytest.mark.parametrize(("required", "code"), [("", 0), ("1", 3)])
def test_audit_says_when_it_could_not_run(required: str, code: int) -> None:
    ran = audit(f"http://127.0.0.1:{free_port()}/v1/query", REQUIRE_AUDIT=required)
    assert ran.returncode == code
    assert "audit: NOT DONE" in ran.stderr
    assert "no known" not in ran.stdout

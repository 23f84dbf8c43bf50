"""`python -m samples.app`: opens the page, has forms to review, and sends them once."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.kit.polling import until
from mmdigit.client import Client
from samples.app import COPIES, GROUP, has_browser
from tests.processes import running

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def app(folder: Path, *options: str) -> Iterator[str]:
    """Its URL, once the forms are sent. It has to end cleanly on Ctrl-C."""
    browser = folder / "browser"
    browser.write_text('#!/bin/sh\necho "$1" >> opened\n')
    browser.chmod(stat.S_IRWXU)
    command = [sys.executable, "-m", "samples.app", "--port", str(free_port()), *options]
    environment = ENVIRONMENT | {"BROWSER": f"{browser} %s", "NO_PROXY": "*"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with running(command, cwd=folder, env=environment, **pipes) as process:
        try:
            assert process.stdout is not None
            shown = ""
            while "filled-in forms are in the group" not in shown:
                line = process.stdout.readline()
                assert line, process.stderr and process.stderr.read()
                shown += line
            yield re.findall(r"The page is at (http://localhost:\d+),", shown)[0]
        finally:
            process.send_signal(signal.SIGINT)
            rest, errors = process.communicate(timeout=60)
        assert (process.returncode, rest.strip(), errors) == (0, "ended", "")


def test_app_opens_the_page_and_has_forms_to_review(tmp_path: Path) -> None:
    with app(tmp_path) as url, Client(url, retry_for_s=0) as client:
        until(lambda: (tmp_path / "opened").exists(), "a browser")
        assert (tmp_path / "opened").read_text() == f"{url}\n"
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=60) as page:
            assert b'<script type="module" src="/app/js/main.js">' in page.read()
        until(lambda: client.get_group(GROUP).finished, "forms that are read")
        first = client.get_group(GROUP)
        assert (first.submitted, first.done, first.dead) == (COPIES, COPIES, 0)
        assert first.decisions.review > 0
    with app(tmp_path, "--no-open") as url, Client(url, retry_for_s=0) as client:
        assert client.get_group(GROUP) == first  # they are not sent again
    assert (tmp_path / "opened").read_text().count("\n") == 1


def test_taken_port_is_told_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "samples.app", "--port", str(port)],
            cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert f"expected a free port, got {port}: Address already in use" in done.stderr
    assert f"choose another: make app PORT={port + 1}" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("environment", "platform", "opens"),
    [
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"BROWSER": "firefox"}, "linux", True),
        ({"DISPLAY": "", "TERM": "xterm"}, "linux", False),
        ({}, "darwin", True),
    ],
)
def test_browser_needs_a_screen(environment: dict[str, str], platform: str, opens: bool) -> None:
    assert has_browser(environment, platform) is opens

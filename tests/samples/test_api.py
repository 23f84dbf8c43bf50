"""`python -m samples.api`: what it says to type works as it stands, and Ctrl-C ends it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lab.kit.polling import until
from mmdigit.client import ApiError, Client
from tests.processes import running

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}


class Api:
    """The running API, and the curl commands that it says to type."""

    def __init__(self, folder: Path, process: "subprocess.Popen[str]") -> None:
        self.folder = folder
        self.process = process
        assert process.stdout is not None
        shown = ""
        while "docs/use/api.md" not in shown:
            line = process.stdout.readline()
            assert line, process.stderr and process.stderr.read()
            shown += line
        self.url = re.findall(r"The API is at (http://localhost:\d+),", shown)[0]
        self.commands = re.findall(r"^ +(curl .*)$", shown, re.MULTILINE)

    def type(self, number: int) -> str:
        """What the command with this number prints."""
        done = subprocess.run(
            ["sh", "-c", self.commands[number].replace("curl", "curl --silent --show-error --noproxy '*'", 1)],
            cwd=self.folder, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("api")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "samples.api", "--port", str(port)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with ExitStack() as stack:
        process = stack.enter_context(running(command, cwd=folder, env=ENVIRONMENT, **pipes))
        stack.callback(process.wait)
        stack.callback(process.terminate)  # it ends its own children
        yield Api(folder, process)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.timeout(300)
def test_shown_commands_work_until_the_end(api: Api) -> None:
    assert len(api.commands) == 7
    with Client(api.url, retry_for_s=0) as client:
        assert '"decision":"accept"' in api.type(0)

        assert '"group":"pairs","accepted":1000,"rejected":0' in api.type(1)
        until(lambda: client.get_group("pairs").finished, "pairs that are read")
        assert '"submitted":1000,"done":1000' in api.type(2)
        assert len(api.type(3).splitlines()) == 1001

        assert '"group":"forms","accepted":1' in api.type(4)
        until(lambda: client.get_group("forms").finished, "a form that is read")
        assert '"finished":true' in api.type(5)
        table = api.type(6).splitlines()
        assert len(table) == 2
        assert "member" in table[0]

        api.process.send_signal(signal.SIGINT)
        rest, errors = api.process.communicate()
        assert (api.process.returncode, rest.strip(), errors) == (0, "ended", "")
        with pytest.raises(ApiError, match="expected an answer from"):
            client.list_groups()


def test_taken_port_is_told_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "samples.api", "--port", str(port)],
            cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert f"expected a free port, got {port}: Address already in use; end the program" in done.stderr
    assert list(tmp_path.iterdir()) == []

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
PAGE = ROOT / "docs" / "use" / "api.md"
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


class Api:
    """The running API, and the curl commands that it says to type."""

    def __init__(self, folder: Path, process: "subprocess.Popen[str]") -> None:
        self.folder = folder
        assert process.stdout is not None
        shown = ""
        while "docs/use/api.md" not in shown:
            line = process.stdout.readline()
            assert line, process.stderr and process.stderr.read()
            shown += line
        self.url = re.findall(r"The API is at (http://localhost:\d+),", shown)[0]
        self.commands = re.findall(r"^ +(curl .*)$", shown, re.MULTILINE)

    def run(self, program: str, text: str) -> str:
        """What `program -c text` prints, in the folder of the API. Raises CalledProcessError if it fails."""
        text = text.replace("http://localhost:8000", self.url)
        if program == "sh":
            text = re.sub(r"^curl ", "curl --silent --show-error --noproxy '*' ", text, flags=re.MULTILINE)
        environment = ENVIRONMENT | {"NO_PROXY": "*"}
        done = subprocess.run(
            [program, "-c", text], cwd=self.folder, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """It has to end cleanly on Ctrl-C, also where a script started it with &, so that SIGINT was ignored."""
    folder = tmp_path_factory.mktemp("api")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-m", "samples.api", "--port", str(port)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with ExitStack() as stack:
        process = stack.enter_context(running(command, cwd=folder, env=ENVIRONMENT, **pipes))
        stack.callback(process.wait)
        stack.callback(process.terminate)  # it ends its own children
        api = Api(folder, process)
        yield api
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
        assert (process.returncode, rest.strip(), errors) == (0, "ended", "")
        with Client(api.url, retry_for_s=0) as client, pytest.raises(ApiError, match="expected an answer from"):
            client.list_groups()


def blocks(language: str) -> list[str]:
    """What docs/use/api.md says to run beside `make api`, but for webhooks, for keys, which name a claim, and for
    recordings, which are the reader's own."""
    found = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    left_out = ("webhook=", "/review/claims/", "recording.")
    return [
        block for block in found if "http://localhost:8000" in block and not any(part in block for part in left_out)
    ]


@needs_curl
def test_commands_of_the_docs_work(api: Api) -> None:
    (api.folder / "samples").symlink_to(ROOT / "samples")
    with Client(api.url, retry_for_s=0) as client:
        printed = []
        for block in blocks("sh"):
            printed.append(api.run("sh", block))
            for group in client.list_groups().groups:
                until(lambda group=group: client.get_group(group).finished, "a group that is read")  # type: ignore[misc]
        assert client.result("form-17.total.3").state == "done"
    assert len(printed) == 11
    del printed[1]  # asks for a prediction at once, which may be too soon
    assert [text for text in printed if '"status":' in text] == []
    assert '"decision":"accept"' in printed[0]
    assert "event: finished" in printed[3]
    assert "event: status" in printed[4]
    assert api.run(sys.executable, blocks("python")[0]).startswith("done 4 accept\ndemo.0_10 0\n")
    assert api.run(sys.executable, blocks("python")[1]) == "4\n"


@needs_curl
def test_shown_commands_work(api: Api) -> None:
    assert len(api.commands) == 7

    def typed(number: int) -> str:
        return api.run("sh", api.commands[number])

    with Client(api.url, retry_for_s=0) as client:
        assert '"decision":"accept"' in typed(0)

        assert '"group":"pairs","accepted":1000,"rejected":0' in typed(1)
        until(lambda: client.get_group("pairs").finished, "pairs that are read")
        assert '"submitted":1000,"done":1000' in typed(2)
        assert len(typed(3).splitlines()) == 1001

        assert '"group":"forms","accepted":1' in typed(4)
        until(lambda: client.get_group("forms").finished, "a form that is read")
        assert '"finished":true' in typed(5)
        table = typed(6).splitlines()
        assert len(table) == 2
        assert "member" in table[0]


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

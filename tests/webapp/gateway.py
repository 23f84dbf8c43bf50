"""The programs behind the page: gateway, worker, page worker and collector on SQLite files."""

import re
import signal
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from samples.api import FORM, commands, start
from samples.running import RunningConsumer

ALL = ("worker", "page-worker", "collector", "gateway")
READING = ("worker", "gateway")
"""What reads jobs, and no forms."""
_URL = re.compile(r"api=(http://\S+)")


@dataclass
class RunningApp:
    """What runs. url: of the gateway, which may be killed and come back at the same place."""

    url: str
    folder: Path
    programs: dict[str, RunningConsumer]
    commands: dict[str, list[str]]
    _stack: ExitStack = field(repr=False)

    def kill(self, name: str) -> None:
        """End a program at once, as if its machine had lost power."""
        process = self.programs[name].process
        process.send_signal(signal.SIGKILL)
        process.wait()

    def restart(self, name: str) -> None:
        """Start a killed program again, where it was."""
        log = self.folder / f"{name}-again.log"
        self.programs[name] = self._stack.enter_context(RunningConsumer(self.commands[name], log))
        self.programs[name].wait_until_ready()


@contextmanager
def running_app(
    folder: Path, form: Path = FORM, gateway: Sequence[str] = (), names: Collection[str] = ALL
) -> Iterator[RunningApp]:
    """Start what `make app` starts, with its files in the folder, on a free port. gateway: more of its flags. names: of
    the programs, where not all are needed."""
    with ExitStack() as stack:
        started = {
            name: [str(form) if word == str(FORM) else word for word in command]
            for name, command in commands(0, folder).items()
            if name in names
        }
        started["gateway"] += gateway
        programs = start(stack, started, folder)
        url = api_url(programs["gateway"])
        port = url.rpartition(":")[2]
        again = [port if part == "0" and before == "--port" else part for before, part in _pairs(started["gateway"])]
        yield RunningApp(url, folder, programs, {**started, "gateway": again}, stack)


def api_url(gateway: RunningConsumer) -> str:
    """Where a gateway that is ready serves."""
    found = _URL.search(gateway.log.read_text())
    assert found is not None
    return found[1].replace("127.0.0.1", "localhost")  # a secure context, for camera and microphone


def _pairs(words: list[str]) -> list[tuple[str, str]]:
    return list(zip(["", *words], words, strict=False))

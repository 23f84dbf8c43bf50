"""The API on one machine: `python -m samples.api` starts worker, page worker, collector and gateway on SQLite files.

It runs until Ctrl-C. What they keep stays in .mmdigit/api and is there at the next start.
"""

import argparse
import csv
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from mmdigit.forms.loading import load_template
from mmdigit.settings.program import run_program
from samples.demo_forms import DPI, fill_pages
from samples.running import RunningConsumer
from schemas.errors import SettingsError, TransportError

FOLDER = Path(".mmdigit/api")
PACK = Path(__file__).parent / "pack"
FORM = Path(__file__).parents[1] / "mmdigit" / "forms" / "template" / "example.yaml"
HOST = "127.0.0.1"
PORT = 8000
WORKERS = frozenset({"worker", "page-worker"})
UNBROKEN = ("--breaker-in-a-row", "0", "--breaker-share", "1")
"""Callers may send what is no digit, as often as they like."""

SHOWN = """\
The API is at {url}, for this machine alone, without login. Ctrl-C ends it. In another terminal:

  one digit, written and spoken
    curl -F image=@{image} -F audio=@{audio} '{url}/v1/jobs?wait=5'

  {count:,} of them, then how far they are, and their table
    curl --data-binary @{pairs} -H 'Content-Type: application/zip' '{url}/v1/batches?group=pairs'
    curl {url}/v1/groups/pairs
    curl {url}/v1/export/pairs.csv

  a scanned form, likewise
    curl -F scan=@{page} '{url}/v1/forms/{form}/pages?group=forms'
    curl {url}/v1/groups/forms
    curl {url}/v1/export/forms.csv

docs/use/api.md goes on from here. Logs and data: {folder}
"""


def serve(argv: Sequence[str]) -> int:
    """Start everything, say what to type, and wait for Ctrl-C or SIGTERM. Returns 0."""
    parser = argparse.ArgumentParser(prog="python -m samples.api", description=__doc__)
    add_port(parser)
    port: int = parser.parse_args(argv).port

    def say_what_to_type() -> None:
        say(what_to_type(port, *write_files()))

    return serve_until_ended(port, "make api", say_what_to_type)


def add_port(parser: argparse.ArgumentParser) -> None:
    """The option that every command has which starts the API."""
    parser.add_argument("--port", type=int, default=PORT, help="port of the API (default: %(default)s)")


def serve_until_ended(port: int, command: str, ready: Callable[[], None]) -> int:
    """Start everything, call ready once it runs, and wait for Ctrl-C or SIGTERM. Returns 0. command: what was typed.

    Raises SettingsError if another program listens on the port, TransportError if a program does not start or ends.
    """
    require_free(port, command)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a script that starts it with & has it ignored
    try:
        FOLDER.mkdir(parents=True, exist_ok=True)
        say("starting a worker, a page worker, a collector of forms and the gateway ...")
        with ExitStack() as stack:
            running = start(stack, commands(port), FOLDER)
            ready()
            wait_for_the_end(running)
    except KeyboardInterrupt:
        say("\nended")
    return 0


def start(stack: ExitStack, commands: Mapping[str, Sequence[str]], folder: Path) -> dict[str, RunningConsumer]:
    """Start the programs and wait until they are ready; each ends with the stack. folder: for their logs.

    The workers first: they make the files that the others expect.
    """
    running: dict[str, RunningConsumer] = {}
    for step in (WORKERS, commands.keys() - WORKERS):
        started = {
            name: stack.enter_context(RunningConsumer(command, folder / f"{name}.log"))
            for name, command in commands.items()
            if name in step
        }
        for program in started.values():
            program.wait_until_ready()
        running |= started
    return running


def require_free(port: int, command: str) -> None:
    """Raises SettingsError if another program listens on the port. command: what was typed."""
    try:
        socket.create_server((HOST, port)).close()
    except (OSError, OverflowError) as error:
        reason = os.strerror(error.errno or 0) if isinstance(error, OSError) else error
        raise SettingsError(
            f"expected a free port, got {port}: {reason}; end the program that has it, or choose another: "
            f"{command} PORT={port + 1 if 0 < port < 65535 else PORT}"
        ) from error


def commands(port: int, folder: Path = FOLDER) -> dict[str, list[str]]:
    """The command of each program. folder: for their files."""
    queue, forms = f"sqlite:///{folder / 'queue.db'}", f"sqlite:///{folder / 'forms.db'}"
    pages = f"{queue}?topic=pages"
    python, template = [sys.executable, "-m"], ["--template", str(FORM)]
    return {
        "worker": [*python, "worker", "--from", queue, "--store", queue, *UNBROKEN],
        "page-worker": [
            *(*python, "mmdigit.forms", "worker", "--from", pages, "--jobs", queue, "--forms", forms),
            *template,
        ],
        "collector": [*python, "mmdigit", "form", "collect", "--follow", "--store", queue, "--forms", forms, *template],
        "gateway": [
            *(*python, "mmdigit.gateway", "--jobs", queue, "--store", queue, "--host", HOST, "--port", str(port)),
            *("--database", f"sqlite:///{folder / 'gateway.db'}", "--forms", forms, "--pages", pages, *template),
        ],
    }


def write_files() -> tuple[Path, Path]:
    """The sample pack as a zip and a scanned page, for the commands in docs/use/api.md."""
    return write_pairs(FOLDER / "pairs.zip"), write_page(FOLDER / "page.pdf")


def what_to_type(port: int, pairs: Path, page: Path) -> str:
    """The commands to try, with files of the sample pack."""
    with (PACK / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    pair = next(row for row in rows if row["image"] and row["audio"])
    return SHOWN.format(
        url=f"http://localhost:{port}",
        image=_near(PACK / pair["image"]),
        audio=_near(PACK / pair["audio"]),
        pairs=pairs,
        count=len(rows),
        page=page,
        form=load_template(FORM).form,
        folder=FOLDER,
    )


def write_pairs(path: Path) -> Path:
    """The sample pack as a zip, as POST /v1/batches takes it."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(PACK.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(PACK))
    return path


def write_page(path: Path) -> Path:
    """A scanned page of the example form, filled in. Kept once it is there: another file would be another page."""
    return write_scans(path, 1, first_serial=1)


def write_scans(path: Path, copies: int, first_serial: int) -> Path:
    """Likewise several, each of its own copy of the form."""
    if not path.exists():
        stack, part = path.with_name("blank.pdf"), path.with_name(f"part-{path.name}")
        printed = ("-n", str(copies), "--first-serial", str(first_serial), "-o", str(stack))
        command = [sys.executable, "-m", "mmdigit", "form", "print", str(FORM), *printed]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
        _, [first, *others] = fill_pages(load_template(FORM), stack)
        first.save(part, save_all=True, append_images=others, resolution=DPI)
        part.replace(path)
    return path


def wait_for_the_end(running: dict[str, RunningConsumer]) -> None:
    """Wait for KeyboardInterrupt. Raises TransportError if a program ends by itself."""
    while True:
        for name, program in running.items():
            if (code := program.process.poll()) is not None:
                raise TransportError(f"expected a running {name}, got exit code {code}; see its log {program.log}")
        time.sleep(0.2)


def _near(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def say(text: str) -> None:
    """Print it at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    return run_program("python -m samples.api", serve)


if __name__ == "__main__":
    sys.exit(main())

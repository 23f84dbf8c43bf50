"""The API on one machine: `python -m samples.api` starts worker, page worker, collector and gateway on SQLite files.

It runs until Ctrl-C. What they keep stays in .mmdigit/api and is there at the next start.
"""

import argparse
import csv
import sys
import time
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from mmdigit.forms.template_file import load_template
from mmdigit.settings.program import run_program
from samples.demo_forms import DPI, fill_pages, form_command
from samples.running import RunningConsumer
from schemas.errors import TransportError

FOLDER = Path(".mmdigit/api")
PACK = Path(__file__).parent / "pack"
FORM = Path(__file__).parents[1] / "mmdigit" / "forms" / "example.yaml"
PORT = 8000

SHOWN = """\
The API is at {url}, for this machine alone, without login. Ctrl-C ends it. In another terminal:

  curl -F image=@{image} -F audio=@{audio} '{url}/v1/jobs?wait=5'

  curl --data-binary @{pairs} -H 'Content-Type: application/zip' '{url}/v1/batches?group=pairs'
  curl '{url}/v1/groups/pairs'
  curl '{url}/v1/export/pairs.csv'

  curl -F scan=@{page} '{url}/v1/forms/{form}/pages?group=pages'
  curl '{url}/v1/groups/pages'
  curl '{url}/v1/export/pages.csv'

"""


def serve(argv: Sequence[str]) -> int:
    """Start everything, say what to type, and wait for Ctrl-C. Returns 0."""
    parser = argparse.ArgumentParser(prog="python -m samples.api", description=__doc__)
    parser.add_argument("--port", type=int, default=PORT, help="port of the API (default: %(default)s)")
    options = parser.parse_args(argv)
    FOLDER.mkdir(parents=True, exist_ok=True)
    pairs, page = write_pairs(FOLDER / "pairs.zip"), write_page(FOLDER / "page.pdf")
    queue, forms = f"sqlite:///{FOLDER / 'queue.db'}", f"sqlite:///{FOLDER / 'forms.db'}"
    pages = f"{queue}?topic=pages"
    python, template = [sys.executable, "-m"], ["--template", str(FORM)]
    commands = {
        "worker": [*python, "worker", "--from", queue, "--store", queue],
        "page-worker": [
            *(*python, "mmdigit.forms", "worker", "--from", pages, "--jobs", queue, "--forms", forms),
            *template,
        ],
        "collector": [*python, "mmdigit", "form", "collect", "--follow", "--store", queue, "--forms", forms, *template],
        "gateway": [
            *(*python, "mmdigit.gateway", "--jobs", queue, "--store", queue, "--port", str(options.port)),
            *("--database", f"sqlite:///{FOLDER / 'gateway.db'}", "--forms", forms, "--pages", pages, *template),
        ],
    }
    with ExitStack() as stack:
        running = {
            name: stack.enter_context(RunningConsumer(command, FOLDER / f"{name}.log"))
            for name, command in commands.items()
        }
        for program in running.values():
            program.wait_until_ready()
        with (PACK / "manifest.csv").open(newline="", encoding="utf-8") as file:
            pair = next(row for row in csv.DictReader(file) if row["image"] and row["audio"])
        sys.stdout.write(
            SHOWN.format(
                url=f"http://localhost:{options.port}",
                image=_near(PACK / pair["image"]),
                audio=_near(PACK / pair["audio"]),
                pairs=pairs,
                page=page,
                form=load_template(FORM).form,
            )
        )
        sys.stdout.flush()
        wait_for_the_end(running)
    return 0


def write_pairs(path: Path) -> Path:
    """The sample pack as a zip, as POST /v1/batches takes it."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(PACK.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(PACK))
    return path


def write_page(path: Path) -> Path:
    """A scanned page of the example form, filled in."""
    stack = path.with_name("blank.pdf")
    form_command("print", str(FORM), "-n", "1", "-o", str(stack))
    _, [page] = fill_pages(load_template(FORM), stack)
    page.save(path, resolution=DPI)
    return path


def wait_for_the_end(running: dict[str, RunningConsumer]) -> None:
    """Return after Ctrl-C. Raises TransportError if a program ends by itself."""
    try:
        while True:
            for name, program in running.items():
                if (code := program.process.poll()) is not None:
                    raise TransportError(f"expected a running {name}, got exit code {code}; see its log {program.log}")
            time.sleep(0.2)
    except KeyboardInterrupt:
        sys.stdout.write("\nended\n")


def _near(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def main() -> int:
    return run_program("python -m samples.api", serve)


if __name__ == "__main__":
    sys.exit(main())

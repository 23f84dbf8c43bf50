"""The web app on one machine: `python -m samples.app` starts what `python -m samples.api` starts, and opens the page.

Sample forms, filled in, are in the group `samples`, so that there is something to review.
"""

import argparse
import os
import sys
import threading
import webbrowser
from collections.abc import Mapping, Sequence

import httpx

from mmdigit.client import Client
from mmdigit.forms.loading import load_template
from mmdigit.settings.program import run_program
from samples.api import FOLDER, FORM, add_port, say, serve_until_ended, write_files, write_scans

GROUP = "samples"
COPIES = 12
FIRST_SERIAL = 1001
"""Others than those of the scans that people make by `make api`."""

SHOWN = """\
The page is at {url}, for this machine alone, without login. Ctrl-C ends it.
docs/use/read.md goes on from here. Logs and data: {folder}
"""


def serve(argv: Sequence[str]) -> int:
    """Start everything, open the page, and wait for Ctrl-C or SIGTERM. Returns 0."""
    parser = argparse.ArgumentParser(prog="python -m samples.app", description=__doc__)
    add_port(parser)
    parser.add_argument("--no-open", action="store_true", help="only say where the page is")
    options = parser.parse_args(argv)
    url = f"http://localhost:{options.port}"

    def show() -> None:
        say(SHOWN.format(url=url, folder=FOLDER))
        if not options.no_open and has_browser(os.environ, sys.platform):
            # In a thread, since some browsers return only when they are closed.
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
        submit_forms(url)
        write_files()
        say(f"{COPIES} filled-in forms are in the group {GROUP}, for Review.")

    return serve_until_ended(options.port, "make app", show)


def submit_forms(url: str) -> None:
    """Send the sample forms. Those that are there already stay as they are, with what people have said of them."""
    scans = write_scans(FOLDER / "samples.pdf", COPIES, FIRST_SERIAL)
    with Client(url, transport=httpx.HTTPTransport()) as client:  # past any proxy
        if GROUP not in client.list_groups(limit=1000).groups:
            client.submit_pages(load_template(FORM).form, scans, group=GROUP)


def has_browser(environment: Mapping[str, str], platform: str) -> bool:
    """Whether there is a screen for one: on another machine's terminal, webbrowser would take the terminal."""
    return platform in ("darwin", "win32") or any(
        environment.get(name) for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
    )


def main() -> int:
    return run_program("python -m samples.app", serve)


if __name__ == "__main__":
    sys.exit(main())

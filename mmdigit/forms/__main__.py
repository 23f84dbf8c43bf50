"""python -m mmdigit.forms worker: starts the page worker. Needs the extra `forms`."""

import sys

from mmdigit.settings.program import run_program
from schemas.errors import SettingsError

PROG = "python -m mmdigit.forms"


def main() -> int:
    if sys.argv[1:2] == ["worker"]:
        from mmdigit.forms.worker.command import run_page_worker

        return run_program(f"{PROG} worker", run_page_worker, sys.argv[2:])
    return run_program(PROG, _no_command)


def _no_command(_: object) -> int:
    raise SettingsError(f"expected the command worker, as in {PROG} worker --help, got another or none; type it")


if __name__ == "__main__":
    sys.exit(main())

"""Runs a program, and turns its errors into one line on standard error and an exit code."""

import errno
import os
import sys
from collections.abc import Callable, Sequence

import schemas
from schemas.errors import MmdigitError
from schemas.printable import escaped


def run_program(prog: str, main: Callable[[Sequence[str]], int], argv: Sequence[str] | None = None) -> int:
    """Run main, and turn its errors into one line on standard error and the documented exit code.

    With only `--version`, print the project's version instead.

    0 done, 1 some input failed, 2 invalid settings or access refused, 3 broker or store unreachable,
    4 too many dead letters, 130 interrupted.
    """
    argv = sys.argv[1:] if argv is None else argv
    if list(argv) == ["--version"]:
        sys.stdout.write(f"{prog} {schemas.VERSION}\n")
        return 0
    try:
        code = main(argv)
        sys.stdout.flush()
        return code
    except MmdigitError as error:
        sys.stderr.write(f"{prog}: error: {escaped(' '.join(str(error).split()))}\n")
        return error.exit_code
    except BrokenPipeError:  # the reader closed the pipe
        _discard_output()
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        _discard_output()
        sys.stderr.write(f"{prog}: error: expected to write the output, got {error.strerror}; free disk space\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(f"{prog}: interrupted\n")
        return 130


def _discard_output() -> None:
    """Redirect what is still buffered for standard output, so that it does not fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

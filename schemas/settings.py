"""What every program shares: settings from MMDIGIT_* variables and flags, one-line errors, exit codes."""

import io
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from typing import ClassVar, Self

from pydantic import ValidationError
from pydantic_settings import BaseSettings, CliApp, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as SourceError

from schemas.errors import MmdigitError, SettingsError
from schemas.printable import escaped, printable

ENV_PREFIX = "MMDIGIT_"
_PASSWORD = re.compile(r"://[^@/?#]*:[^@]+@")  # in a URL, user:password before the host

_WORKER = """
FROM STORE DEAD_LETTERS CONSUMER_GROUP INSTANCE_ID BATCH_SIZE BATCH_BYTES BATCH_WAIT_S COMMIT_EVERY_S WEIGHTS THREADS
TARGET_ERROR TTL_S FEED_LENGTH RETRY_MAX_S STUCK_AFTER_S STOP_TIMEOUT_S BREAKER_IN_A_ROW BREAKER_SHARE BREAKER_WINDOW
EXIT_WHEN_IDLE_S METRICS_HOST METRICS_PORT JSON_LOGS LOG_LEVEL
"""
_PRODUCER = "FROM TO GROUP COUNT RATE SEED SPLIT WIRE JOURNAL_DIR RESEND WAIT STORE OUTPUT WAIT_TIMEOUT_S"
_REPLAY = "FROM TO REASON SINCE LIMIT MAX_TIMES_DEAD DRY_RUN REPLAY_GROUP"
_MMDIGIT = (
    "DATA IMAGE AUDIO MANIFEST OUTPUT WEIGHTS THREADS TARGET_ERROR QUICK CONFIG SEED DEVICE TRAINING FOLDS RESULT"
)
_TESTS = "REQUIRE_DOCKER REQUIRE_TERRAFORM"

ENVIRONMENT = frozenset(
    f"{ENV_PREFIX}{name}" for name in f"{_WORKER} {_REPLAY} {_PRODUCER} {_MMDIGIT} {_TESTS}".split()
)
"""Every variable that some program of the project reads; a test holds it equal to their settings classes."""


def validation_lines(error: ValidationError) -> str:
    """The first three failures of a validation in one line, without the values that failed."""
    failures = error.errors(include_url=False, include_input=False, include_context=False)
    lines = [
        _place(failure["loc"]) + printable(failure["msg"].removeprefix("Value error, "), 200)
        for failure in failures[:3]
    ]
    more = len(failures) - len(lines)
    return "; ".join(lines) + (f"; and {more} more" if more else "")


def _place(location: tuple[int | str, ...]) -> str:
    # A name that the sender chose may stand here. Empty for what concerns the whole.
    return f"{printable('.'.join(map(str, location)), 60)}: " if location else ""


class ProgramSettings(BaseSettings):
    """Base of each program's settings: frozen, from flags first, then MMDIGIT_* variables, then defaults."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        env_prefix=ENV_PREFIX,
        env_prefix_target="all",
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_hide_none_type=True,
        cli_avoid_json=True,
    )
    prog: ClassVar[str] = "mmdigit"
    """What a user types to start the program."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        cls.model_config["cli_prog_name"] = cls.prog

    @classmethod
    def load(cls, argv: Sequence[str]) -> Self:
        """Read the environment and argv (without the program's name).

        Raises SettingsError naming each setting that is missing or out of range, and every MMDIGIT_* variable
        that no program of the project knows. An unknown flag or --help leaves through SystemExit, as argparse does.
        """
        refuse_unknown_variables(os.environ)
        secrets = [argument for argument in argv if _PASSWORD.search(argument)]
        if secrets:
            sys.stderr.write(
                f"{cls.prog}: warning: a password in a flag can be read by every user of this machine (ps); "
                f"set the URL as a {ENV_PREFIX}* variable\n"
            )
        try:
            with _without(secrets):
                return CliApp.run(cls, cli_args=list(argv))
        except ValidationError as error:
            raise SettingsError(f"{validation_lines(error)} (see {cls.prog} --help)") from error
        except SourceError as error:
            raise SettingsError(f"{error} (see {cls.prog} --help)") from error


@contextmanager
def _without(secrets: Sequence[str]) -> Iterator[None]:
    """Errors that argparse prints inside repeat the flags; these are left out."""
    shown = io.StringIO()
    try:
        with redirect_stderr(shown):
            yield
    finally:
        text = shown.getvalue()
        for secret in secrets:
            text = text.replace(secret, "***")
        sys.stderr.write(text)


def refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    """Raise SettingsError if a variable starts with MMDIGIT_ and no program of the project knows it."""
    unknown = sorted(name for name in environment if name.startswith(ENV_PREFIX) and name not in ENVIRONMENT)
    if unknown:
        raise SettingsError(f"unknown environment variable {', '.join(unknown)}; docs/settings.md lists the known ones")


def run_program(prog: str, main: Callable[[Sequence[str]], int], argv: Sequence[str] | None = None) -> int:
    """Run main and turn what it raises into one line on standard error and the documented exit code.

    0 done, 1 some input failed, 2 wrong settings, 3 broker or store not reachable, 4 too many dead letters, 130
    interrupted.
    """
    try:
        return main(sys.argv[1:] if argv is None else argv)
    except MmdigitError as error:
        sys.stderr.write(f"{prog}: error: {escaped(' '.join(str(error).split()))}\n")
        return error.exit_code
    except BrokenPipeError:
        # Whoever read the output has enough; what is left of it must not fail once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(f"{prog}: interrupted\n")
        return 130

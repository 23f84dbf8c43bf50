"""What every program shares: settings from MMDIGIT_* variables and flags, one-line errors, exit codes."""

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr
from io import StringIO
from itertools import pairwise
from typing import ClassVar, Self, get_args

from pydantic import SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, CliApp, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as SourceError

import schemas
from schemas.errors import MmdigitError, SettingsError
from schemas.printable import escaped, printable
from schemas.redaction import may_hold_secret

ENV_PREFIX = "MMDIGIT_"

_WORKER = """
FROM STORE STORE_REPLICAS DEAD_LETTERS CONSUMER_GROUP INSTANCE_ID BATCH_SIZE BATCH_BYTES BATCH_WAIT_S COMMIT_EVERY_S
WEIGHTS THREADS TARGET_ERROR TTL_S FEED_LENGTH STORE_JSON RETRY_MAX_S STUCK_AFTER_S TOPIC_WAIT_S STOP_TIMEOUT_S
BREAKER_IN_A_ROW BREAKER_SHARE BREAKER_WINDOW
EXIT_WHEN_IDLE_S METRICS_HOST METRICS_PORT METRICS_TOKEN METRICS_TOKEN_FILE JSON_LOGS LOG_LEVEL OTLP_ENDPOINT
"""
_PRODUCER = """
FROM TO RECURSIVE GROUP COUNT RATE SEED SPLIT WIRE JOURNAL_DIR RESEND WAIT STORE OUTPUT WAIT_TIMEOUT_S TRACE_RATIO
"""
_REPLAY = "FROM TO REASON SINCE LIMIT MAX_TIMES_DEAD DRY_RUN REPLAY_GROUP"
_SHADOW = """
FROM STORE WEIGHTS THREADS TARGET_ERROR BATCH_SIZE SINCE LIMIT LIVE_WAIT_S MAX_DIFFERING MAX_REDECIDED EXAMPLES JSON
SHADOW_GROUP
"""
_ACCESS = """
KAFKA_SECURITY KAFKA_CA_FILE KAFKA_CERT_FILE KAFKA_KEY_FILE KAFKA_USERNAME KAFKA_PASSWORD KAFKA_PASSWORD_FILE
KAFKA_AWS_REGION REDIS_CA_FILE REDIS_CERT_FILE REDIS_KEY_FILE REDIS_USERNAME REDIS_PASSWORD REDIS_PASSWORD_FILE
REDIS_SENTINEL_USERNAME REDIS_SENTINEL_PASSWORD REDIS_SENTINEL_PASSWORD_FILE
"""
_MMDIGIT = """
DATA IMAGE AUDIO MANIFEST OUTPUT WEIGHTS THREADS TARGET_ERROR QUICK CONFIG SEED DEVICE TRAINING FOLDS RESULT
STORE JOB GROUP FEED
"""
_TESTS = "REQUIRE_DOCKER REQUIRE_TERRAFORM"

ENVIRONMENT = frozenset(
    f"{ENV_PREFIX}{name}" for name in f"{_WORKER} {_REPLAY} {_SHADOW} {_PRODUCER} {_ACCESS} {_MMDIGIT} {_TESTS}".split()
)
"""Every variable that some program of the project reads; a test holds it equal to their settings classes."""

_TYPED = re.compile(r"(?<=unrecognized arguments: ).*|(?<=explicit argument ).*", re.DOTALL)
_FLAG = re.compile(r"--?[A-Za-z][A-Za-z-]*")


def validation_lines(error: ValidationError, missing: Callable[[str], str] | None = None) -> str:
    """The first three failures of a validation in one line, without the values that failed.

    missing: what to say of a field that is not there, by its name.
    """
    failures = error.errors(include_url=False, include_input=False, include_context=False)
    lines = [
        missing(str(failure["loc"][0]))
        if missing and failure["type"] == "missing"
        else _place(failure["loc"]) + printable(failure["msg"].removeprefix("Value error, "), 200)
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
        cls._refuse_secrets(argv)
        complaint = StringIO()
        try:
            with redirect_stderr(complaint):
                return CliApp.run(cls, cli_args=list(argv))
        except ValidationError as error:
            raise SettingsError(f"{validation_lines(error, cls._missing)} (see {cls.prog} --help)") from error
        except SourceError as error:
            raise SettingsError(f"{error} (see {cls.prog} --help)") from error
        finally:
            sys.stderr.write(_TYPED.sub(_flags_alone, complaint.getvalue()))

    @model_validator(mode="after")
    def _each_secret_has_one_source(self) -> Self:
        for name in sorted(self.secrets()):
            if getattr(self, name) is not None and getattr(self, f"{name}_file") is not None:
                raise ValueError(f"{name} and {name}_file: set one of them")
        return self

    @classmethod
    def secrets(cls) -> set[str]:
        """The names of the settings that are secret: variables, never flags, or files that NAME_file names."""
        return {
            name
            for name, field in cls.model_fields.items()
            if SecretStr in (field.annotation, *get_args(field.annotation))
        }

    @classmethod
    def _missing(cls, name: str) -> str:
        flag = _flag(name)
        for key, field in cls.model_fields.items():
            if field.examples and name in (key, field.validation_alias):
                return f"expected {flag}, got none; for example {flag} {field.examples[0]}"
        return f"expected {flag}, got none"

    @classmethod
    def _refuse_secrets(cls, argv: Sequence[str]) -> None:
        # Whoever is on the machine reads command lines, and shells keep them.
        secrets = {_flag(name) for name in cls.secrets()}
        # What a repr hides is the URL of a broker, a store or a collector.
        urls = {
            _flag(str(field.validation_alias or name)) for name, field in cls.model_fields.items() if not field.repr
        }
        for word, following in pairwise([*argv, ""]):
            name, equals, value = word.partition("=")
            flag = _flag(name.lstrip("-"))  # a flag may be written with _ or in capitals
            if word.startswith("--") and flag in secrets:
                raise SettingsError(
                    f"expected no secret on the command line, where ps shows it, got {flag}; set {flag}-file, or the "
                    f"variable {ENV_PREFIX}{flag[2:].replace('-', '_').upper()}"
                )
            is_url = word.startswith("--") and flag in urls
            if may_hold_secret(value if equals else following) if is_url else "://" in word and may_hold_secret(word):
                raise SettingsError(
                    "expected no password on the command line, where ps shows it, got a URL with a user, a password or "
                    f"parameters; set --redis-username and --redis-password-file, or put the URL in its {ENV_PREFIX} "
                    "variable"
                )


def _flag(name: str) -> str:
    return f"--{name.lower().replace('_', '-')}"


def _flags_alone(typed: re.Match[str]) -> str:
    # What follows a mistyped flag may be a secret.
    words = (word.partition("=")[0] for word in typed[0].split())
    return " ".join(word if _FLAG.fullmatch(word) else "***" for word in words) + "\n"


def refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    """Raise SettingsError if a variable starts with MMDIGIT_ and no program of the project knows it."""
    unknown = sorted(name for name in environment if name.startswith(ENV_PREFIX) and name not in ENVIRONMENT)
    if unknown:
        names = ", ".join(unknown)
        raise SettingsError(f"unknown environment variable {names}; docs/operate/settings.md lists the known ones")


def run_program(prog: str, main: Callable[[Sequence[str]], int], argv: Sequence[str] | None = None) -> int:
    """Run main and turn what it raises into one line on standard error and the documented exit code.

    `--version` alone prints the project's version instead.

    0 done, 1 some input failed, 2 wrong settings or refused, 3 broker or store not reachable, 4 too many dead letters,
    130 interrupted.
    """
    argv = sys.argv[1:] if argv is None else argv
    if list(argv) == ["--version"]:
        sys.stdout.write(f"{prog} {schemas.VERSION}\n")
        return 0
    try:
        return main(argv)
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

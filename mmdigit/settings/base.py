"""Base class of every program's settings: flags and MMDIGIT_* variables, frozen values, one-line errors."""

import os
import re
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr
from io import StringIO
from itertools import pairwise
from typing import ClassVar, Self, get_args

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, CliApp, CliSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as SourceError

import schemas
from mmdigit.settings.environment import ENV_PREFIX, reject_unknown_variables
from mmdigit.settings.help_text import HelpFormatter
from mmdigit.settings.redaction import may_hold_secret, redact
from schemas.errors import SettingsError
from schemas.validation import validation_lines

_TYPED = re.compile(r"(?<=unrecognized arguments: ).*|(?<=explicit argument ).*", re.DOTALL)
_FLAG = re.compile(r"--?[A-Za-z][A-Za-z-]*")


class ProgramSettings(BaseSettings):
    """Frozen settings. Flags take precedence over MMDIGIT_* variables, and those over defaults."""

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
    """The command that starts the program."""
    usage: ClassVar[str | None] = None
    """The first line of --help, if it is not the usual one."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        cls.model_config["cli_prog_name"] = cls.prog

    @classmethod
    def load(cls, argv: Sequence[str]) -> Self:
        """Read the environment and argv (without the program's name).

        Raises SettingsError that names each missing or invalid setting and each unknown MMDIGIT_* variable. Raises
        SystemExit for --help and unknown flags, like argparse.
        """
        reject_unknown_variables(os.environ)
        command = cls._named(argv)
        command._refuse_secrets(argv)
        complaint = StringIO()
        try:
            with redirect_stderr(complaint):
                flags = CliSettingsSource[ArgumentParser](cls, formatter_class=HelpFormatter)
                flags.root_parser.usage = cls.usage
                version = f"{cls.prog} {schemas.VERSION}"
                flags.root_parser.add_argument("--version", action="version", version=version)
                return CliApp.run(cls, cli_args=list(argv), cli_settings_source=flags)
        except ValidationError as error:
            raise SettingsError(f"{validation_lines(error, command._missing)} (see {command.prog} --help)") from error
        except SourceError as error:
            raise SettingsError(f"{error} (see {command.prog} --help)") from error
        finally:
            sys.stderr.write(_TYPED.sub(_mask_values, complaint.getvalue()))

    def run(self) -> int:
        """Do what the command is for; returns its exit code. For commands of `mmdigit`, whose settings know it."""
        raise NotImplementedError

    @classmethod
    def subcommands(cls) -> dict[str, type["ProgramSettings"]]:
        """The settings of each subcommand by its name; none for a program that has no subcommands."""
        return {
            name.replace("_", "-"): kind
            for name, field in cls.model_fields.items()
            for kind in get_args(field.annotation)
            if isinstance(kind, type) and issubclass(kind, ProgramSettings)
        }

    @classmethod
    def leaves(cls) -> Iterator[type["ProgramSettings"]]:
        """The settings of each command that has no subcommands, itself if it is one."""
        choices = cls.subcommands()
        if not choices:
            yield cls
        for choice in choices.values():
            yield from choice.leaves()

    @classmethod
    def _named(cls, argv: Sequence[str]) -> type["ProgramSettings"]:
        """The subcommand that the first words name, or cls. Raises SettingsError for a word that names none."""
        choices = cls.subcommands()
        if not choices or not argv or argv[0].startswith("-"):
            return cls
        if argv[0] not in choices:
            got = repr(redact(argv[0]))
            raise SettingsError(f"expected a command ({', '.join(choices)}), got {got}; see {cls.prog} --help")
        return choices[argv[0]]._named(argv[1:])

    @model_validator(mode="after")
    def _each_secret_has_one_source(self) -> Self:
        for name in sorted(self.secrets()):
            if getattr(self, name) is not None and getattr(self, f"{name}_file") is not None:
                raise ValueError(f"expected one of {name} and {name}_file, got both; unset one")
        return self

    @classmethod
    def secrets(cls) -> set[str]:
        """The names of secret settings. They are read from a variable or from the file in NAME_file, never a flag."""
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
        # Every user of the machine can read command lines, and shells record them.
        secrets = {_flag(name) for name in cls.secrets()}
        # Fields that repr() hides are URLs of a broker, store or collector.
        urls = {
            _flag(str(field.validation_alias or name)) for name, field in cls.model_fields.items() if not field.repr
        }
        for word, following in pairwise([*argv, ""]):
            name, equals, value = word.partition("=")
            flag = _flag(name.lstrip("-"))  # flags may be written with _ or in capitals
            if word.startswith("--") and flag in secrets:
                raise SettingsError(
                    f"expected no secret on the command line, which every user can read, got {flag}; set {flag}-file, "
                    f"or the variable {ENV_PREFIX}{flag[2:].replace('-', '_').upper()}"
                )
            is_url = word.startswith("--") and flag in urls
            if may_hold_secret(value if equals else following) if is_url else "://" in word and may_hold_secret(word):
                files = " or ".join(f"{secret}-file" for secret in sorted(secrets) if secret.endswith("-password"))
                advice = f"give it in {files}, or put" if files else "put"
                raise SettingsError(
                    "expected no password on the command line, which every user can read, got a URL with a user, a "
                    f"password or parameters; {advice} the URL in its {ENV_PREFIX} variable"
                )


def documented(command: type[ProgramSettings]) -> object:
    """For the field of a subcommand: the docstring of its settings is its help."""
    return Field(description=command.__doc__)


def _flag(name: str) -> str:
    return f"--{name.lower().replace('_', '-')}"


def _mask_values(typed: re.Match[str]) -> str:
    # The value of a mistyped flag may be a secret.
    words = (word.partition("=")[0] for word in typed[0].split())
    return " ".join(word if _FLAG.fullmatch(word) else "***" for word in words) + "\n"

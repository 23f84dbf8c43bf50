"""How --help looks: the names of values as users know them, no defaults that say nothing, no flags that are refused."""

from argparse import Action, RawDescriptionHelpFormatter
from collections.abc import Iterable
from copy import copy
from typing import Any

METAVARS = {"Path": "PATH", "str": "TEXT", "int": "N", "float": "N"}
"""What the types of settings are called."""
_NOTHING_SAID = (" (default: None)", "(default: None)", "(default: )")


class HelpFormatter(RawDescriptionHelpFormatter):
    """Shows a short usage line; secrets, which are only read from variables and files, are left out."""

    def add_usage(
        self, usage: str | None, actions: Iterable[Action], groups: Iterable[Any], prefix: str | None = None
    ) -> None:
        if usage is None and prefix is None:  # argparse gives a prefix where it only wants the name of a subcommand
            names = [_in_usage(action) for action in actions if not action.option_strings]
            usage = " ".join(["%(prog)s [options]", *names])
        super().add_usage(usage, actions, groups, prefix)

    def add_arguments(self, actions: Iterable[Action]) -> None:
        super().add_arguments(sorted(actions, key=_is_access))  # what a command does comes first

    def add_argument(self, action: Action) -> None:
        if action.metavar == "SecretStr":
            return
        shown = copy(action)
        if isinstance(shown.metavar, str):
            shown.metavar = METAVARS.get(shown.metavar, shown.metavar)
        if shown.help is not None:
            for ending in _NOTHING_SAID:
                shown.help = shown.help.removesuffix(ending)
        super().add_argument(shown)


def _in_usage(action: Action) -> str:
    name = str(action.metavar or action.dest)
    return f"[{name}]" if action.nargs == "?" else name


def _is_access(action: Action) -> bool:
    return any(flag.startswith(("--kafka-", "--redis-")) for flag in action.option_strings)

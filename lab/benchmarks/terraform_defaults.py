"""Defaults of deploy/terraform's variables, and its small stack, read from its files."""

import re
from pathlib import Path

from schemas.errors import DataError

FOLDER = Path(__file__).parents[2] / "deploy" / "terraform"

# As `terraform fmt` leaves them, which a test of deploy/terraform holds.
_BLOCK = r'^variable "{name}" \{{\n(.*?)^\}}'
_DEFAULT = re.compile(r"^  default += (-?[0-9.]+|\"[^\"]*\")$", re.MULTILINE)
_ASSIGNED = re.compile(r"^(\w+) += (-?[0-9.]+|\"[^\"]*\")$", re.MULTILINE)


def default(name: str) -> float:
    """The number that the variable has by default. Raises DataError if there is none."""
    value = _default(name)
    if value is None or value.startswith('"'):
        raise DataError(f"expected a variable {name} with a number as default in {FOLDER}, got none")
    return float(value)


def stack(profile: str | None = None) -> dict[str, str]:
    """Every variable that has a number or a text as default, as written, without quotes.

    profile: the name of a PROFILE.tfvars that says otherwise; None = none does.
    """
    blocks = "".join(path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("variables*.tf")))
    names = re.findall(r'^variable "(\w+)"', blocks, re.MULTILINE)
    found = {name: value for name in names if (value := _default(name)) is not None}
    if profile is not None:
        found |= dict(_ASSIGNED.findall((FOLDER / f"{profile}.tfvars").read_text(encoding="utf-8")))
    return {name: value.strip('"') for name, value in found.items()}


def _default(name: str) -> str | None:
    for path in sorted(FOLDER.glob("variables*.tf")):
        block = re.search(
            _BLOCK.format(name=re.escape(name)), path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        )
        if block and (found := _DEFAULT.search(block[1])):
            return found[1]
    return None


def prediction_days() -> float:
    """How long the store keeps a prediction by default."""
    return default("prediction_ttl_s") / 86400

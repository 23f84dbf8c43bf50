"""Defaults of deploy/terraform's variables, read from its files: what a stack has whose owner sets nothing else."""

import re
from pathlib import Path

from schemas.errors import DataError

FOLDER = Path(__file__).parents[1] / "deploy" / "terraform"

# As `terraform fmt` leaves them, which a test of deploy/terraform holds.
_BLOCK = r'^variable "{name}" \{{\n(.*?)^\}}'
_DEFAULT = re.compile(r"^  default += (-?[0-9.]+)$", re.MULTILINE)


def default(name: str) -> float:
    """The number that the variable has by default. Raises DataError if there is none."""
    for path in sorted(FOLDER.glob("variables*.tf")):
        block = re.search(
            _BLOCK.format(name=re.escape(name)), path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        )
        if block and (found := _DEFAULT.search(block[1])):
            return float(found[1])
    raise DataError(f"expected a variable {name} with a number as default in {FOLDER}, got none")


def prediction_days() -> float:
    """How long the store keeps a prediction by default."""
    return default("prediction_ttl_s") / 86400

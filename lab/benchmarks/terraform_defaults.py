"""Numbers that deploy/terraform's variables have by default, read from its files."""

import re
from pathlib import Path

from schemas.errors import DataError

FOLDER = Path(__file__).parents[2] / "deploy" / "terraform"

# As `terraform fmt` leaves it, which a test of deploy/terraform holds.
_DEFAULT = r'^variable "{name}" \{{\n(?:(?!^\}}).*\n)*?  default += (-?[0-9.]+)$'


def default(name: str) -> float:
    """The number that the variable has by default. Raises DataError if there is none."""
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("variables*.tf")))
    found = re.search(_DEFAULT.format(name=re.escape(name)), text, re.MULTILINE)
    if found is None:
        raise DataError(f"expected a variable {name} with a number as default in {FOLDER}, got none")
    return float(found[1])

"""Reads the numeric defaults of deploy/terraform's variables from its files."""

import re
from pathlib import Path

from schemas.errors import DataError

FOLDER = Path(__file__).parents[2] / "deploy" / "terraform"

# In the layout of `terraform fmt`, which a test of deploy/terraform enforces.
_DEFAULT = r'^variable "{name}" \{{\n(?:(?!^\}}).*\n)*?  default += (-?[0-9.]+)$'


def default(name: str) -> float:
    """The variable's default. Raises DataError if it has no numeric one."""
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("variables*.tf")))
    found = re.search(_DEFAULT.format(name=re.escape(name)), text, re.MULTILINE)
    if found is None:
        raise DataError(f"expected a variable {name} with a numeric default in {FOLDER}, got none")
    return float(found[1])

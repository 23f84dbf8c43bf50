"""Identifiers: names that become keys, labels and file names, so restricted in characters and length."""

import re
from typing import Annotated

from pydantic import StringConstraints

MAX_ID_CHARACTERS = 128
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$"
_ID = re.compile(ID_PATTERN)

Identifier = Annotated[str, StringConstraints(pattern=ID_PATTERN, max_length=MAX_ID_CHARACTERS)]


def is_identifier(text: str) -> bool:
    """Whether text is a valid job id or group: 1-128 of A-Z a-z 0-9 . _ : -, beginning with a letter or digit."""
    return _ID.fullmatch(text) is not None

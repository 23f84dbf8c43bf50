"""Names that become keys, metrics and file names: restricted in characters and length."""

import re
from typing import Annotated

from pydantic import StringConstraints

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$"
_ID = re.compile(ID_PATTERN)

Identifier = Annotated[str, StringConstraints(pattern=ID_PATTERN, max_length=128)]


def is_identifier(text: str) -> bool:
    """Whether text may serve as a job id or a group: 1-128 of A-Z a-z 0-9 . _ : -, not starting with a mark."""
    return _ID.fullmatch(text) is not None

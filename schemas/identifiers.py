"""Identifiers: names that become keys, labels and file names, so restricted in characters and length."""

import hashlib
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


ID_DIGITS = 32
"""Hex digits of an id that is made: 128 bits."""


def id_of(*parts: str | bytes | None) -> str:
    """The id that follows from the parts, the same for the same parts: ID_DIGITS hex digits of SHA-256."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        # The length before each part keeps different parts from hashing alike.
        digest.update(b"-" if content is None else f"{len(content)}:".encode() + content)
    return digest.hexdigest()[:ID_DIGITS]


def of_tenant(tenant: str | None, name: str) -> str:
    """A tenant's job id or group as it is stored; as it is without a tenant."""
    return f"{tenant}:{name}" if tenant else name

"""Ids of what a request sends: the caller's, from Idempotency-Key, or random."""

import hashlib
import secrets
from http import HTTPStatus
from typing import Annotated

from fastapi import Header

from mmdigit.gateway.access.principal import Principal
from mmdigit.gateway.problems import Problem

ID_CHARACTERS = 32
"""Hex digits of an id: 128 bits."""

MAX_KEY_CHARACTERS = 255
KEY_PATTERN = r"^[\x21-\x7e]+$"

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=MAX_KEY_CHARACTERS,
        pattern=KEY_PATTERN,
        description="Names this request. Sent again with the same body, it leads to the same job or group.",
    ),
]


def new_id() -> str:
    """A random id."""
    return secrets.token_hex(ID_CHARACTERS // 2)


def id_of(*parts: str | bytes | None) -> str:
    """The id that follows from the parts, the same for the same parts."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        # The length before each part keeps different parts from hashing alike.
        digest.update(b"-" if content is None else f"{len(content)}:".encode() + content)
    return digest.hexdigest()[:ID_CHARACTERS]


def stored_id(principal: Principal, name: str, what: str) -> str:
    """The stored form of a caller's id. Raises Problem (422) if they may not use it."""
    try:
        return principal.stored(name)
    except ValueError as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{what}: expected {error}; use another") from error

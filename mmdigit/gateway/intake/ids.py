"""Ids of what a request sends: the caller's, from Idempotency-Key, or random."""

import hashlib
import secrets
from http import HTTPStatus
from typing import Annotated

from fastapi import Header, Query

from mmdigit.gateway.access.principal import Principal
from mmdigit.gateway.problems import Problem
from mmdigit.gateway.registry.ports import GroupKind
from mmdigit.gateway.services import Services
from schemas.identifiers import Identifier

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

GroupName = Annotated[
    Identifier | None,
    Query(
        description="Name of what is sent: the group by which to follow it. Without one, it follows from "
        "Idempotency-Key, or else is new."
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


async def require_group(services: Services, principal: Principal, name: str, kind: GroupKind) -> None:
    """Raises Problem: 422 if the caller may not use the name, 409 if it is that of a group of another kind."""
    stored_id(principal, name, "group")
    kept = await services.in_registry(lambda registry: registry.group(principal.tenant, name))
    if kept is not None and kept.kind != kind:
        raise Problem(HTTPStatus.CONFLICT, f"expected a group of {kind}, got one of {kept.kind}; use another name")

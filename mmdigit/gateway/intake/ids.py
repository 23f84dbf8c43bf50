"""Ids of what a request sends: the caller's, from Idempotency-Key, or random."""

import secrets
from http import HTTPStatus
from typing import Annotated

from fastapi import Header, Query

from mmdigit.gateway.access.principal import Principal
from mmdigit.gateway.problems import Problem
from mmdigit.gateway.registry.ports import GroupKind
from mmdigit.gateway.services import Services
from schemas.identifiers import ID_DIGITS, Identifier

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
    return secrets.token_hex(ID_DIGITS // 2)


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

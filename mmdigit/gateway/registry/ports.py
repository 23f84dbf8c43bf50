"""What the gateway keeps, and the port through which it does: Registry. Nothing is ever deleted."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, Self

from mmdigit.gateway.access.principal import Scope

GroupKind = Literal["jobs", "pages"]


@dataclass(frozen=True)
class Token:
    """A bearer token, without its secret. name: for people. expires_at: None = never."""

    id: str
    name: str
    tenant: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True)
class StoredGroup:
    """What was submitted under one name. name: as its tenant knows it.

    jobs: how many jobs were submitted, each counted once; for kind "pages", how many pages.
    pages: for kind "pages", the stored group of each page, in the order they came.
    finished_at: when all that was submitted had an outcome; None as long as it is not known.
    """

    tenant: str
    name: str
    kind: GroupKind
    jobs: int
    created_at: datetime
    pages: tuple[str, ...] = ()
    finished_at: datetime | None = None


@dataclass(frozen=True)
class Webhook:
    """Who is to be told that a group has finished. attempts: how often it was tried; error: of the last one."""

    id: int
    tenant: str
    group: str
    url: str
    created_at: datetime
    attempts: int = 0
    error: str = ""


def number_of(name: str | bytes) -> int:
    """64 bits, signed, that tell one job or page of a group from the others."""
    content = name.encode() if isinstance(name, str) else name
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big", signed=True)


class Registry(Protocol):
    """Keeps tokens, groups and webhooks, durably when a method returns. Safe to use from several threads.

    Every method raises StoreError if the database cannot be reached, AccessError if it refuses access, SettingsError
    if it can never serve. All times have a zone. Control characters in names, URLs and errors are kept escaped.
    """

    def put_token(self, token: Token, secret_sha256: str) -> None:
        """Keep a new token. secret_sha256: 64 hex digits."""
        ...

    def token(self, token_id: str) -> tuple[Token, str] | None:
        """A token and its secret's SHA-256, also if it is expired or revoked; None if there is none."""
        ...

    def tokens(self) -> list[Token]:
        """All tokens, oldest first."""
        ...

    def revoke_token(self, token_id: str, at: datetime) -> bool:
        """Whether this call revokes it: not if there is no such token, or it is revoked already."""
        ...

    def put_group(self, group: StoredGroup, submitted: Iterable[int] = ()) -> StoredGroup:
        """Keep a group, or add to the one that is kept: the jobs and pages that are new to it.

        submitted: number_of each job or page, by which those that are new are known; group.jobs is not looked at.
        finished_at is the first that is given after the group has last grown; kind and created_at stay as they are.
        Repeating a call changes nothing. Returns what is kept, without pages.
        """
        ...

    def group(self, tenant: str, name: str) -> StoredGroup | None: ...

    def groups(self, tenant: str, limit: int, before: str | None = None) -> list[StoredGroup]:
        """A tenant's groups without pages, newest first. before: the name of the group after which to go on."""
        ...

    def put_webhook(self, tenant: str, group: str, url: str, at: datetime) -> None:
        """Keep a webhook, which is due at once. A group's URL is kept once."""
        ...

    def claim_webhooks(self, now: datetime, lease_s: float, limit: int) -> Sequence[Webhook]:
        """Webhooks that are due, the most overdue first; no other call gets them until lease_s seconds have passed."""
        ...

    def delivered(self, webhook_id: int, at: datetime) -> None:
        """It is done, and not due again."""
        ...

    def retry_webhook(self, webhook_id: int, next_at: datetime, error: str) -> None:
        """It is due again. error: why it could not be delivered; "" if it was not tried, which is no attempt."""
        ...

    def failed(self, webhook_id: int, at: datetime, error: str) -> None:
        """It is given up, and not due again."""
        ...

    def close(self) -> None:
        """Release all resources. Safe to call twice."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc_info: object) -> None: ...

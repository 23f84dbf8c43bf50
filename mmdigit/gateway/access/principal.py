"""Who calls: the tenant, the scopes, and how the tenant's ids are stored beside those of others."""

import re
from dataclasses import dataclass, field
from typing import Literal, get_args

from schemas.identifiers import MAX_ID_CHARACTERS, is_identifier, of_tenant
from schemas.printable import printable

Scope = Literal["submit", "read", "review", "admin"]
SCOPES: frozenset[Scope] = frozenset(get_args(Scope))
TENANT_PATTERN = r"^[a-z0-9][a-z0-9-]{0,30}$"
_TENANT = re.compile(TENANT_PATTERN)


def is_tenant(text: str) -> bool:
    """Whether text names a tenant: 1-31 of a-z 0-9 -, beginning with a letter or digit."""
    return _TENANT.fullmatch(text) is not None


@dataclass(frozen=True)
class Principal:
    """A caller whose credentials are verified.

    tenant: whose jobs and groups they see; "" for the default tenant, whose stored ids have no prefix.
    subject: who they are in logs and for rates, such as token:ID or oidc:SUBJECT.
    name: the token's, for people; "" if there is none.
    """

    tenant: str
    scopes: frozenset[Scope]
    subject: str
    name: str = field(default="", compare=False)

    def stored(self, name: str) -> str:
        """The stored form of the tenant's job id or group.

        Raises ValueError, whose message completes "expected", if it is no identifier, has ":" and no tenant, or would
        be too long.
        """
        if not is_identifier(name):
            characters = "A-Z a-z 0-9 . _ : -" if self.tenant else "A-Z a-z 0-9 . _ -"
            raise ValueError(
                f"an id of 1-{self._room} of {characters} that begins with a letter or digit, got "
                f"{printable(name, 140)!r}"
            )
        if not self.tenant and ":" in name:
            raise ValueError(f"an id without ':', which follows a tenant's name, got {name!r}")
        if len(name) > self._room:
            raise ValueError(f"an id of at most {self._room} characters, got {len(name)}")
        return of_tenant(self.tenant, name)

    def owns(self, stored: str) -> bool:
        """Whether a stored id is the tenant's."""
        return stored.startswith(self._prefix) if self.tenant else ":" not in stored

    def shown(self, stored: str) -> str:
        """A stored id as the tenant knows it. Raises ValueError if it is another tenant's."""
        if not self.owns(stored):
            raise ValueError("a stored id of the caller's tenant, got another's")  # which is not theirs to see
        return stored.removeprefix(self._prefix)

    @property
    def _prefix(self) -> str:
        return of_tenant(self.tenant, "")

    @property
    def _room(self) -> int:
        return MAX_ID_CHARACTERS - len(self._prefix)

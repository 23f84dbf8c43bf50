"""Principal: who makes a request, and which jobs and groups are theirs."""

from dataclasses import dataclass
from typing import Literal, get_args

from schemas.identifiers import is_identifier

Scope = Literal["submit", "read", "review", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
TENANT_PATTERN = r"^[a-z0-9][a-z0-9-]{0,30}$"


@dataclass(frozen=True, slots=True)
class Principal:
    """A tenant's user or program. tenant: "" is the default one, whose ids are stored as they are."""

    tenant: str
    scopes: frozenset[Scope]
    subject: str

    def stored(self, name: str) -> str:
        """The id or group under which the tenant's is stored. Raises ValueError if it is not one that they may use."""
        stored = f"{self.tenant}:{name}" if self.tenant else name
        if not is_identifier(name) or not is_identifier(stored) or (not self.tenant and ":" in name):
            raise ValueError("expected 1-96 of A-Z a-z 0-9 . _ -, beginning with a letter or digit; use another id")
        return stored

    def shown(self, stored: str) -> str:
        """The tenant's id or group, of a stored one."""
        return stored.removeprefix(f"{self.tenant}:") if self.tenant else stored


LOOPBACK = Principal("", frozenset(SCOPES), "loopback")
"""Everybody on this machine, where no login is needed."""

"""`mmdigit token`: makes, lists and revokes the bearer tokens of the gateway. Needs the extra `gateway`."""

import json
import sys
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, Field
from pydantic_settings import CliPositionalArg, CliSubCommand

from mmdigit.gateway.access.principal import SCOPES, Scope, is_tenant
from mmdigit.gateway.access.tokens import is_token_id, new_token
from mmdigit.gateway.signing import webhook_key, written_key
from mmdigit.settings.base import ProgramSettings, documented
from mmdigit.settings.gateway_database_settings import GatewayDatabaseSettings
from mmdigit.settings.redaction import redact
from mmdigit.settings.webhook_settings import WebhookSecretSettings
from schemas.errors import MmdigitError, SettingsError
from schemas.printable import printable

if TYPE_CHECKING:
    from mmdigit.gateway.registry.ports import Registry, Token


def _scopes_of(names: str) -> frozenset[Scope]:
    return frozenset(scope for scope in SCOPES if scope in names.split(","))


def _require_scopes(names: str) -> str:
    if set(names.split(",")) - SCOPES:
        raise ValueError(f"expected some of {','.join(sorted(SCOPES))}, got {printable(names, 60)!r}")
    return names


def _require_tenant(name: str | None) -> str | None:
    if name is not None and not is_tenant(name):
        raise ValueError(f"expected 1-31 of a-z 0-9 -, beginning with a letter or digit, got {printable(name, 60)!r}")
    return name


def _require_id(token_id: str) -> str:
    if not is_token_id(token_id):  # it is not repeated: it may be a whole token
        raise ValueError("expected the 16 characters between the first and the second _ of the token, got another text")
    return token_id


class TokenCreateSettings(GatewayDatabaseSettings):
    """Makes a bearer token and prints it, this once: of its secret, only a hash is kept."""

    prog: ClassVar[str] = "mmdigit token create"

    name: Annotated[str, Field(min_length=1, max_length=100, examples=["scanner"], description="whose it is")]
    tenant: Annotated[
        str | None, AfterValidator(_require_tenant), Field(description="whose jobs and groups it sees")
    ] = None
    scopes: Annotated[
        str,
        AfterValidator(_require_scopes),
        Field(description="what it may do, separated by commas: submit, read, review, admin"),
    ] = "submit,read"
    expires_days: Annotated[
        int | None, Field(ge=1, le=3650, description="days until it expires; by default, never")
    ] = None

    def run(self) -> int:
        from mmdigit.gateway.registry.ports import Token

        made, now = new_token(), datetime.now(UTC)
        expires_at = None if self.expires_days is None else now + timedelta(days=self.expires_days)
        with _registry(self, create=True) as registry:
            is_first = not registry.tokens()
            registry.put_token(
                Token(made.id, self.name, self.tenant or "", _scopes_of(self.scopes), now, expires_at), made.sha256
            )
        sys.stdout.write(f"{made.text}\n")
        sys.stderr.write(f"token {made.id} is shown this once; `mmdigit token revoke {made.id}` ends it\n")
        if is_first:  # a misspelt file is a new database
            sys.stderr.write(
                f"it is the first in {redact(self.database_url)}; only a gateway with this --database takes it\n"
            )
        return 0


class TokenListSettings(GatewayDatabaseSettings):
    """Prints every token as JSON, one a line, oldest first, without its secret."""

    prog: ClassVar[str] = "mmdigit token list"

    def run(self) -> int:
        now = datetime.now(UTC)
        with _registry(self) as registry:
            sys.stdout.writelines(f"{_line(token, now)}\n" for token in registry.tokens())
        return 0


class TokenRevokeSettings(GatewayDatabaseSettings):
    """Revokes a token for good: every gateway refuses it within 10 seconds."""

    prog: ClassVar[str] = "mmdigit token revoke"

    token_id: CliPositionalArg[
        Annotated[
            str,
            AfterValidator(_require_id),
            Field(examples=["0123456789abcdef"], description="id of the token, as `mmdigit token list` prints it"),
        ]
    ]

    def run(self) -> int:
        with _registry(self) as registry:
            done = registry.revoke_token(self.token_id, datetime.now(UTC))
            if not done and registry.token(self.token_id) is None:
                raise MmdigitError(f"expected the id of a token, got {self.token_id}; see `mmdigit token list`")
        sys.stdout.write(f"token {self.token_id} {'is' if done else 'was already'} revoked\n")
        return 0


class TokenWebhookKeySettings(WebhookSecretSettings):
    """Prints the key by which a tenant checks the gateway's webhooks, as libraries of Standard Webhooks take it."""

    prog: ClassVar[str] = "mmdigit token webhook-key"

    tenant: Annotated[
        str | None,
        AfterValidator(_require_tenant),
        Field(description="whose webhooks; by default, the default tenant's"),
    ] = None

    def run(self) -> int:
        secret = self.signing_secret
        if secret is None:
            raise SettingsError(
                "expected the gateway's webhook secret, got none; set --webhook-secret-file or MMDIGIT_WEBHOOK_SECRET"
            )
        sys.stdout.write(f"{written_key(webhook_key(secret.get_secret_value(), self.tenant or ''))}\n")
        return 0


class TokenCommands(ProgramSettings):
    """Bearer tokens of the gateway: create, list, revoke; the keys of its webhooks."""

    prog: ClassVar[str] = "mmdigit token"

    create: Annotated[CliSubCommand[TokenCreateSettings], documented(TokenCreateSettings)]
    list: Annotated[CliSubCommand[TokenListSettings], documented(TokenListSettings)]
    revoke: Annotated[CliSubCommand[TokenRevokeSettings], documented(TokenRevokeSettings)]
    webhook_key: Annotated[CliSubCommand[TokenWebhookKeySettings], documented(TokenWebhookKeySettings)]


def _registry(settings: GatewayDatabaseSettings, *, create: bool = False) -> "AbstractContextManager[Registry]":
    if any(find_spec(name) is None for name in ("sqlalchemy", "psycopg")):
        raise SettingsError(
            "expected the packages of the gateway, got one or more not installed; run `pip install 'mmdigit[gateway]'`"
        )
    from mmdigit.gateway.registry.sql_registry import open_registry

    return open_registry(settings.database_url, settings.gateway_database_password, create=create)


def _line(token: "Token", now: datetime) -> str:
    """In ASCII: json escapes characters that a terminal would act on."""
    expired = token.expires_at is not None and token.expires_at <= now
    return json.dumps(
        {
            "id": token.id,
            "name": token.name,
            "tenant": token.tenant,
            "scopes": sorted(token.scopes),
            "state": "revoked" if token.revoked_at is not None else "expired" if expired else "valid",
            "created_at": token.created_at.isoformat(timespec="seconds"),
            "expires_at": None if token.expires_at is None else token.expires_at.isoformat(timespec="seconds"),
            "revoked_at": None if token.revoked_at is None else token.revoked_at.isoformat(timespec="seconds"),
        }
    )

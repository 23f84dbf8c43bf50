"""Verifies JWTs of an OpenID provider: signature, issuer, audience, times, and what they allow.

Source: RFC 7519, RFC 8725 (best practices), RFC 9068 (the claim scope).
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import jwt
from jwt import PyJWTError

from mmdigit.gateway.access.issuer_keys import ALGORITHMS, IssuerKeys
from mmdigit.gateway.access.principal import SCOPES, Principal, Scope, is_tenant
from schemas.errors import AccessDenied
from schemas.printable import escaped, printable

LEEWAY_S = 30.0
"""How far the clocks of issuer and gateway may differ."""
MAX_SUBJECT_CHARACTERS = 255
"""Source: OpenID Connect Core 1.0, section 2."""
SCOPE_PREFIX = "mmdigit:"


class OidcVerifier:
    """Safe to use from several threads; it may fetch the issuer's keys."""

    def __init__(self, keys: IssuerKeys, audience: str, tenant_claim: str | None = None) -> None:
        """audience: what tokens for this gateway have in aud. tenant_claim: names the claim with the caller's tenant;
        None = all callers belong to the default tenant."""
        self._keys, self._audience, self._tenant_claim = keys, audience, tenant_claim

    def verify(self, token: str) -> tuple[Principal, datetime]:
        """Who the token is of, and when it expires.

        Raises AccessDenied, or IssuerError if the issuer's keys cannot be known now.
        """
        try:
            kid = _key_id(token)
            key = self._keys.key(kid)
            if key is None:
                raise AccessDenied(
                    f"expected a JWT with a key of {self._keys.issuer}, got an unknown key; log in again"
                )
            claims = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],  # the key's own: a token does not choose how it is verified
                issuer=self._keys.issuer,
                audience=self._audience,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iss", "aud", "sub"], "enforce_minimum_key_length": True},
            )
            expires_at = datetime.fromtimestamp(float(claims["exp"]), UTC)
        except (PyJWTError, ValueError, TypeError, OverflowError, OSError) as error:
            reason = printable(str(error), 120)
            raise AccessDenied(f"expected a valid JWT of {self._keys.issuer}, got: {reason}; log in again") from error
        return Principal(self._tenant(claims), _scopes(claims), _subject(claims), _name(claims)), expires_at

    def _tenant(self, claims: Mapping[str, object]) -> str:
        if self._tenant_claim is None:
            return ""
        tenant = claims.get(self._tenant_claim)
        if not isinstance(tenant, str) or not is_tenant(tenant):
            raise AccessDenied(
                f"expected a tenant's name (1-31 of a-z 0-9 -) in the claim {self._tenant_claim!r}, got "
                f"{'none' if tenant is None else repr(printable(str(tenant), 40))}; let the issuer set it"
            )
        return tenant


def _key_id(token: str) -> str:
    header = jwt.get_unverified_header(token)
    if header.get("alg") not in ALGORITHMS:
        got = printable(str(header.get("alg")), 20)
        raise AccessDenied(f"expected a JWT that is signed by {', '.join(ALGORITHMS)}, got {got!r}; log in again")
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise AccessDenied("expected a JWT that names its key (kid), got none; let the issuer name it")
    return kid


def _scopes(claims: Mapping[str, object]) -> frozenset[Scope]:
    """Those that are known; a provider's own, such as openid, mean nothing here."""
    scope = claims.get("scope")
    named = {name.removeprefix(SCOPE_PREFIX) for name in scope.split()} if isinstance(scope, str) else set()
    return frozenset(name for name in SCOPES if name in named)


def _name(claims: Mapping[str, object]) -> str:
    """What people log in with; a display name, which many may have and change, is none."""
    name = claims.get("preferred_username")
    return escaped(name)[:MAX_SUBJECT_CHARACTERS] if isinstance(name, str) else ""


def _subject(claims: Mapping[str, object]) -> str:
    subject = str(claims["sub"])
    if not 0 < len(subject) <= MAX_SUBJECT_CHARACTERS:
        raise AccessDenied(
            f"expected a subject of 1-{MAX_SUBJECT_CHARACTERS} characters, got {len(subject)}; log in again"
        )
    return f"oidc:{escaped(subject)}"

"""From the header Authorization to a Principal: bearer tokens of the registry, and JWTs of an identity provider.

Answers are remembered for CACHE_S seconds, refusals too: a revocation takes at most that long, and a busy caller costs
one look into the database in that time.
"""

import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Protocol

from mmdigit.gateway.access.principal import Principal
from mmdigit.gateway.access.tokens import BearerToken, parse_token
from mmdigit.gateway.registry.ports import Registry
from schemas.errors import AccessDenied
from schemas.printable import printable

CACHE_S = 10.0
MAX_CACHED = 10_000
"""Of each kind, accepted and refused, so that no flood of wrong tokens displaces those that are right."""
MAX_TOKEN_CHARACTERS = 8 * 1024
_TOKEN_68 = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # Source: RFC 6750, section 2.1
_ADVICE = "send the header Authorization: Bearer TOKEN"


class JwtVerifier(Protocol):
    """Verifies JWTs of an identity provider."""

    def verify(self, token: str) -> tuple[Principal, datetime]:
        """Who the token is of, and when it expires. Raises AccessDenied, or IssuerError if its keys are not known."""
        ...


@dataclass(frozen=True)
class _Answer:
    principal: Principal | None
    refusal: str = ""


class Authenticator:
    """Safe to use from several threads."""

    def __init__(
        self,
        registry: Registry,
        oidc: JwtVerifier | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """oidc: for JWTs; None refuses them."""
        self._registry, self._oidc, self._clock, self._now = registry, oidc, clock, now
        self._accepted, self._refused = _TimedAnswers(), _TimedAnswers()

    def authenticate(self, authorization_header: str) -> Principal:
        """Who sends this header; "" stands for none. It may use the database and the network: call it in a thread.

        Raises AccessDenied, StoreError if the registry is away, IssuerError if the identity provider is.
        """
        token = _token_in(authorization_header)
        if (known := self._known(token)) is not None:
            return known
        asked_at = self._clock()  # before looking, so that what is revoked meanwhile is not remembered for longer
        try:
            principal, expires_at = self._look_up(token)
        except AccessDenied as error:
            self._refused.put(_key(token), _Answer(None, str(error)), asked_at + CACHE_S)
            raise
        left_s = CACHE_S if expires_at is None else min(CACHE_S, (expires_at - self._now()).total_seconds())
        self._accepted.put(_key(token), _Answer(principal), asked_at + left_s)
        return principal

    def known(self, authorization_header: str) -> Principal | None:
        """The same from memory, at once; None if authenticate has to be asked. Raises AccessDenied."""
        return self._known(_token_in(authorization_header))

    def _known(self, token: str) -> Principal | None:
        key, at = _key(token), self._clock()
        answer = self._accepted.get(key, at) or self._refused.get(key, at)
        if answer is not None and answer.principal is None:
            raise AccessDenied(answer.refusal)
        return None if answer is None else answer.principal

    def _look_up(self, token: str) -> tuple[Principal, datetime | None]:
        if (bearer := parse_token(token)) is not None:
            return self._of_registry(bearer)
        if self._oidc is not None and token.count(".") == 2:
            return self._oidc.verify(token)
        kinds = "a token of `mmdigit token create`" + ("" if self._oidc is None else " or a JWT")
        raise AccessDenied(f"expected {kinds}, got another text; {_ADVICE}")

    def _of_registry(self, bearer: BearerToken) -> tuple[Principal, datetime | None]:
        found = self._registry.token(bearer.id)
        # An unknown id and a wrong secret get the same answer.
        if found is None or not bearer.has(found[1]):
            raise AccessDenied("expected a known token, got an unknown one; ask for a new token")
        token = found[0]
        if token.revoked_at is not None:
            raise AccessDenied("expected a valid token, got one that is revoked; ask for a new token")
        if token.expires_at is not None and token.expires_at <= self._now():
            raise AccessDenied("expected a valid token, got one that has expired; ask for a new token")
        return Principal(token.tenant, token.scopes, f"token:{token.id}", token.name), token.expires_at


class _TimedAnswers:
    """The newest MAX_CACHED answers, each until its time."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, tuple[_Answer, float]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: bytes, at: float) -> _Answer | None:
        answer, until = self._kept.get(key, (None, 0.0))
        return answer if at < until else None

    def put(self, key: bytes, answer: _Answer, until: float) -> None:
        with self._lock:
            self._kept[key] = answer, until
            self._kept.move_to_end(key)
            if len(self._kept) > MAX_CACHED:
                self._kept.popitem(last=False)


def _token_in(header: str) -> str:
    scheme, _, token = header.partition(" ")
    token = token.strip(" ")
    if not header:
        raise AccessDenied(f"expected a bearer token, got none; {_ADVICE}")
    if scheme.lower() != "bearer":
        raise AccessDenied(f"expected the scheme Bearer, got {printable(scheme, 20)!r}; {_ADVICE}")
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise AccessDenied(
            f"expected a token of at most {MAX_TOKEN_CHARACTERS} characters, got {len(token)}; {_ADVICE}"
        )
    if _TOKEN_68.fullmatch(token) is None:
        raise AccessDenied(f"expected one token of A-Z a-z 0-9 . _ ~ + / -, got another text; {_ADVICE}")
    return token


def _key(token: str) -> bytes:
    # Not the token itself: its secret is kept nowhere, and comparing digests tells nobody how much of it is right.
    return hashlib.sha256(token.encode("ascii")).digest()

"""The keys by which an identity provider signs: discovered, kept for a while, fetched again when one is unknown.

Source: OpenID Connect Discovery 1.0, sections 4.1 to 4.3; RFC 7517.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock

from jwt import PyJWK, PyJWTError

from mmdigit.gateway.access.fetching import Address, fetch_object, parse_address
from schemas.errors import IssuerError, SettingsError
from schemas.printable import printable

ALGORITHMS = ("RS256", "ES256", "EdDSA")
MAX_KEYS = 100
FRESH_S = 300.0
KEPT_S = 3600.0
"""How long keys are used if they cannot be fetched again: an issuer that is away for a while locks nobody out."""
RETRY_S = 10.0
"""At most one fetch in this time, however many tokens name unknown keys."""


@dataclass(frozen=True)
class _Kept:
    keys: Mapping[str, PyJWK]
    fetched_at: float


class IssuerKeys:
    """Safe to use from several threads, of which one fetches."""

    def __init__(self, issuer: str, clock: Callable[[], float] = time.monotonic) -> None:
        """issuer: its URL, exactly as it stands in its tokens. Raises SettingsError for a URL that is not safe."""
        try:
            self._address = parse_address(
                f"{issuer.removesuffix('/')}/.well-known/openid-configuration", allow_loopback=True
            )
            if "?" in issuer or "#" in issuer:
                raise ValueError(f"a URL without parameters, got {printable(issuer, 200)!r}")
        except ValueError as error:
            raise SettingsError(f"expected as issuer {error}; name it as its tokens do") from error
        self.issuer, self._clock = issuer, clock
        self._kept = _Kept({}, -KEPT_S)
        self._tried_at = float("-inf")
        self._problem = ""
        self._fetching = Lock()

    def key(self, kid: str) -> PyJWK | None:
        """The key of this id; None if the issuer has none. It may fetch: call it in a thread.

        Raises IssuerError if that cannot be known now.
        """
        kept, now = self._kept, self._clock()
        found = kept.keys.get(kid) if now - kept.fetched_at < KEPT_S else None
        if found is not None and now - kept.fetched_at < FRESH_S:
            return found
        # Whoever has a usable key does not wait for another thread's fetch.
        if self._fetching.acquire(blocking=found is None):
            try:
                self._fetch_if_due()
            finally:
                self._fetching.release()
        kept = self._kept
        found = kept.keys.get(kid) if self._clock() - kept.fetched_at < KEPT_S else None
        if found is None and self._problem:
            raise IssuerError(self._problem)
        return found

    def _fetch_if_due(self) -> None:
        now = self._clock()
        if now - self._tried_at < RETRY_S:
            return
        self._tried_at = now
        try:
            self._kept, self._problem = _Kept(self._fetch(), now), ""
        except IssuerError as error:
            self._problem = str(error)

    def _fetch(self) -> dict[str, PyJWK]:
        found = fetch_object(self._address)
        # Otherwise one provider could speak for another.
        if found.get("issuer") != self.issuer:
            got = printable(str(found.get("issuer")), 200)
            raise IssuerError(f"expected {self.issuer!r} as issuer in its configuration, got {got!r}; check its URL")
        listed = fetch_object(self._address_of_keys(found.get("jwks_uri"))).get("keys")
        keys = {}
        for each in listed[:MAX_KEYS] if isinstance(listed, list) else ():
            if (key := _usable(each)) is not None:
                keys[key.key_id or ""] = key
        if not keys:
            raise IssuerError(
                f"expected keys with an id for {', '.join(ALGORITHMS)} from {self.issuer}, got none; let it have one"
            )
        return keys

    def _address_of_keys(self, url: object) -> Address:
        try:
            # Only an issuer on this machine may lead to this machine.
            return parse_address(str(url), allow_loopback=self._address.is_loopback)
        except ValueError as error:
            raise IssuerError(f"expected as jwks_uri of {self.issuer} {error}; check its configuration") from error


def _usable(data: object) -> PyJWK | None:
    """The public key, if it is for signatures of ALGORITHMS and has an id. Others in a set are no error."""
    if not isinstance(data, dict) or data.get("use", "sig") != "sig":
        return None
    kid = data.get("kid")
    if not isinstance(kid, str) or not kid:
        return None
    try:
        key = PyJWK(data)
    except (PyJWTError, ValueError, TypeError, AttributeError):
        return None
    return key if key.algorithm_name in ALGORITHMS else None

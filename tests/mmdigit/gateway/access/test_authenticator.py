"""Who gets in: by which header, for how long, and how often the registry is asked."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mmdigit.database.engine import open_engine
from mmdigit.gateway.access import authenticator
from mmdigit.gateway.access.authenticator import CACHE_S, MAX_TOKEN_CHARACTERS, Authenticator
from mmdigit.gateway.access.principal import Principal
from mmdigit.gateway.access.tokens import BearerToken, new_token
from mmdigit.gateway.registry.ports import Token
from mmdigit.gateway.registry.sql_registry import SqlRegistry
from mmdigit.gateway.registry.tables import GATEWAY
from schemas.errors import AccessDenied, StoreError

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
BEARER = new_token(bytes)  # the same in every process, since tests are named by it
TOKEN = Token(BEARER.id, "scanner", "clinic", frozenset({"submit", "read"}), NOW)
SCANNER = Principal("clinic", frozenset({"submit", "read"}), f"token:{BEARER.id}")


class CountingRegistry(SqlRegistry):
    """Counts how often it is asked for a token; fails on demand."""

    asked = 0
    is_away = False

    def token(self, token_id: str) -> tuple[Token, str] | None:
        self.asked += 1
        if self.is_away:
            raise StoreError("expected to use the database, got none; wait")
        return super().token(token_id)


class Clock:
    """Both clocks of an authenticator, moved by hand."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds - 1000)


class Verifier:
    """Knows one JWT, which expires after 5 s."""

    principal = Principal("lab", frozenset({"review"}), "oidc:ada")

    def verify(self, token: str) -> tuple[Principal, datetime]:
        if token.split(".") != ["a", "b", "c"]:
            raise AccessDenied("expected a JWT, got another one")
        return self.principal, NOW + timedelta(seconds=5)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[CountingRegistry]:
    with CountingRegistry(open_engine(f"sqlite:///{tmp_path / 'gateway.db'}", GATEWAY), "gateway.db") as registry:
        registry.put_token(TOKEN, BEARER.sha256)
        yield registry


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def door(registry: CountingRegistry, clock: Clock) -> Authenticator:
    return Authenticator(registry, Verifier(), clock=clock, now=clock.now)


def header(token: BearerToken) -> str:
    return f"Bearer {token.text}"


def test_token_gets_in(door: Authenticator) -> None:
    assert door.authenticate(header(BEARER)) == SCANNER
    assert door.authenticate(header(BEARER)).name == "scanner"
    assert door.authenticate(f"bearer  {BEARER.text} ") == SCANNER


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ("", "expected a bearer token, got none; send the header"),
        ("Basic YTpi", "expected the scheme Bearer, got 'Basic'"),
        (f"Token {BEARER.text}", "expected the scheme Bearer"),
        (BEARER.text, "expected the scheme Bearer"),
        ("Bearer", "expected one token of"),
        ("Bearer a b", "expected one token of"),
        ("Bearer \u0661", "expected one token of"),
        ("Bearer a\n", "expected one token of"),
        (f"Bearer {'a' * (MAX_TOKEN_CHARACTERS + 1)}", f"at most {MAX_TOKEN_CHARACTERS} characters, got 8193"),
        ("Bearer secret", "expected a token of `mmdigit token create` or a JWT, got another text"),
        ("Bearer a.b.d", "expected a JWT, got another one"),
    ],
)
def test_other_headers_are_refused(door: Authenticator, sent: str, message: str) -> None:
    for _ in range(2):  # also from memory
        with pytest.raises(AccessDenied, match=message) as caught:
            door.authenticate(sent)
    assert BEARER.text not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_unknown_id_and_wrong_secret_get_the_same_answer(door: Authenticator) -> None:
    said = set()
    for token in (new_token(), replace(new_token(), id=BEARER.id)):
        with pytest.raises(AccessDenied) as caught:
            door.authenticate(header(token))
        said.add(str(caught.value))
    assert said == {"expected a known token, got an unknown one; ask for a new token"}


def test_revoked_token_is_refused_after_the_cache(
    door: Authenticator, registry: CountingRegistry, clock: Clock
) -> None:
    door.authenticate(header(BEARER))
    registry.revoke_token(BEARER.id, NOW)
    clock.seconds += CACHE_S - 0.1
    assert door.authenticate(header(BEARER)) == SCANNER
    clock.seconds += 0.1
    with pytest.raises(AccessDenied, match="got one that is revoked"):
        door.authenticate(header(BEARER))


def test_token_expires_on_time(registry: CountingRegistry, door: Authenticator, clock: Clock) -> None:
    short = new_token()
    registry.put_token(replace(TOKEN, id=short.id, expires_at=NOW + timedelta(seconds=3)), short.sha256)
    door.authenticate(header(short))
    clock.seconds += 2.9
    door.authenticate(header(short))
    clock.seconds += 0.1
    with pytest.raises(AccessDenied, match="got one that has expired"):
        door.authenticate(header(short))


def test_registry_is_asked_once_in_ten_seconds(registry: CountingRegistry, door: Authenticator, clock: Clock) -> None:
    unknown = new_token()
    for _ in range(3):
        door.authenticate(header(BEARER))
        with pytest.raises(AccessDenied):
            door.authenticate(header(unknown))
    assert registry.asked == 2
    clock.seconds += CACHE_S
    door.authenticate(header(BEARER))
    assert registry.asked == 3


def test_known_answers_from_memory_alone(registry: CountingRegistry, door: Authenticator, clock: Clock) -> None:
    assert door.known(header(BEARER)) is None
    door.authenticate(header(BEARER))
    unknown = header(new_token())
    with pytest.raises(AccessDenied):
        door.authenticate(unknown)
    registry.is_away = True
    assert door.known(header(BEARER)) == SCANNER
    with pytest.raises(AccessDenied, match="expected a known token"):
        door.known(unknown)
    with pytest.raises(AccessDenied, match="got none"):
        door.known("")
    clock.seconds += CACHE_S
    assert door.known(header(BEARER)) is door.known(unknown) is None


def test_registry_that_is_away_is_no_refusal(registry: CountingRegistry, door: Authenticator) -> None:
    registry.is_away = True
    with pytest.raises(StoreError):
        door.authenticate(header(BEARER))
    registry.is_away = False
    assert door.authenticate(header(BEARER)) == SCANNER


def test_memory_is_bounded(registry: CountingRegistry, door: Authenticator, monkeypatch: pytest.MonkeyPatch) -> None:
    """And wrong tokens do not displace the right ones."""
    monkeypatch.setattr(authenticator, "MAX_CACHED", 3)
    door.authenticate(header(BEARER))
    wrong = [header(new_token()) for _ in range(5)]
    for each in wrong:
        with pytest.raises(AccessDenied):
            door.authenticate(each)
    assert door.known(header(BEARER)) == SCANNER
    assert [door.known(each) for each in wrong[:2]] == [None, None]
    for each in wrong[2:]:
        with pytest.raises(AccessDenied):
            door.known(each)


def test_jwt_is_verified_until_it_expires(door: Authenticator, clock: Clock) -> None:
    assert door.authenticate("Bearer a.b.c") == Verifier.principal
    clock.seconds += 4.9
    assert door.known("Bearer a.b.c") == Verifier.principal
    clock.seconds += 0.1
    assert door.known("Bearer a.b.c") is None


def test_jwt_without_an_issuer_is_refused(registry: CountingRegistry) -> None:
    with pytest.raises(AccessDenied, match="expected a token of `mmdigit token create`, got another text"):
        Authenticator(registry).authenticate("Bearer a.b.c")

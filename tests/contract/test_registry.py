"""The contract of Registry, on SQLite and a real PostgreSQL server."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mmdigit.gateway.registry.ports import Registry, StoredGroup, Token
from mmdigit.gateway.registry.sql_registry import CHUNK, MAX_ERROR, open_registry
from schemas.errors import SettingsError
from tests.adapters import Database

NOW = datetime(2026, 11, 28, 12, 0, 0, 123456, tzinfo=UTC)
TOKEN = Token("00000000000000a1", "scanner", "clinic", frozenset({"submit", "read"}), NOW, NOW + timedelta(days=30))
SHA256 = "ab" * 32
GROUP = StoredGroup("clinic", "monday", "jobs", 100, NOW)
PAGES = StoredGroup("clinic", "scans", "pages", 2, NOW, ("INTK.1", "INTK.2"))
URL = "https://example.com/finished?x=1"


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def registry(database: Database) -> Registry:
    return database.open_registry()


def test_token_survives_reopening(database: Database) -> None:
    with open_registry(database.url, database.password) as first:
        first.put_token(TOKEN, SHA256)
    registry = database.open_registry()
    assert registry.token(TOKEN.id) == (TOKEN, SHA256)
    assert registry.token("00000000000000a2") is None


def test_tokens_are_listed_oldest_first(registry: Registry) -> None:
    newest = Token("01", "newest\x1b[2J", "", frozenset({"admin"}), later(2))
    for token in (newest, TOKEN, replace(TOKEN, id="02", created_at=later(1), revoked_at=later(5))):
        registry.put_token(token, SHA256)
    assert [token.id for token in registry.tokens()] == [TOKEN.id, "02", "01"]
    assert registry.tokens()[1].revoked_at == later(5)
    assert registry.tokens()[2] == replace(newest, name="newest\\x1b[2J")


def test_token_is_revoked_once(registry: Registry) -> None:
    registry.put_token(TOKEN, SHA256)
    assert registry.revoke_token(TOKEN.id, later(1))
    assert not registry.revoke_token(TOKEN.id, later(2))
    assert not registry.revoke_token("00000000000000a2", later(1))
    assert registry.token(TOKEN.id) == (replace(TOKEN, revoked_at=later(1)), SHA256)


def test_group_is_kept_and_grows(registry: Registry) -> None:
    assert registry.put_group(GROUP, range(100)) == GROUP
    assert registry.put_group(replace(GROUP, kind="pages", created_at=later(9)), range(40)) == GROUP
    both_ends = (-(2**63), 2**63 - 1)
    assert registry.put_group(GROUP, [*range(90, 118), *both_ends]) == replace(GROUP, jobs=120)
    assert registry.group("clinic", "monday") == replace(GROUP, jobs=120)
    assert registry.group("clinic", "tuesday") is None


def test_group_of_another_tenant_is_another(registry: Registry) -> None:
    registry.put_group(GROUP, range(100))
    assert registry.group("", "monday") is None
    registry.put_group(replace(GROUP, tenant=""), range(7))
    assert registry.group("clinic", "monday") == GROUP
    assert [group.jobs for group in registry.groups("", 10)] == [7]
    assert registry.groups("", 10, before="tuesday") == []


def test_pages_of_a_group_are_joined_in_order(registry: Registry) -> None:
    assert registry.put_group(PAGES, (1, 2)) == replace(PAGES, pages=())
    registry.put_group(replace(PAGES, pages=("INTK.0", "INTK.2", "INTK.0")), (0, 2))
    assert registry.group("clinic", "scans") == replace(PAGES, jobs=3, pages=("INTK.1", "INTK.2", "INTK.0"))
    many = tuple(f"INTK.{number:05}" for number in range(2 * CHUNK + 1))
    for _ in range(2):
        registry.put_group(replace(PAGES, name="many", pages=many), range(len(many)))
    found = registry.group("clinic", "many")
    assert found is not None
    assert (found.pages, found.jobs) == (many, len(many))


def test_group_is_finished_until_it_grows(registry: Registry) -> None:
    registry.put_group(PAGES, (1, 2))
    registry.put_group(replace(PAGES, finished_at=later(5)))
    assert registry.put_group(replace(PAGES, finished_at=later(9))).finished_at == later(5)
    assert registry.put_group(PAGES, (2, 1)).finished_at == later(5)
    assert registry.put_group(replace(PAGES, pages=("INTK.3",))).finished_at is None
    assert registry.put_group(replace(PAGES, finished_at=later(9))).finished_at == later(9)
    assert registry.put_group(PAGES, (3,)).finished_at is None


def test_groups_are_listed_newest_first(registry: Registry) -> None:
    for number, at in enumerate((3, 1, 2, 2)):
        registry.put_group(replace(PAGES, name=f"g{number}", created_at=later(at)), (1, 2))
    names = [group.name for group in registry.groups("clinic", 10)]
    assert names == ["g0", "g3", "g2", "g1"]
    assert registry.groups("clinic", 10)[0] == replace(PAGES, name="g0", created_at=later(3), pages=())
    assert [group.name for group in registry.groups("clinic", 2)] == ["g0", "g3"]
    assert [group.name for group in registry.groups("clinic", 2, before="g3")] == ["g2", "g1"]
    assert registry.groups("clinic", 2, before="g1") == []


def test_group_grows_from_several_threads(registry: Registry) -> None:
    def put(number: int) -> None:
        registry.put_group(replace(PAGES, pages=(f"INTK.{number}", "INTK.all")), (number, 0))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(put, range(1, 21)))
    found = registry.group("clinic", "scans")
    assert found is not None
    assert found.jobs == 21
    assert sorted(found.pages) == sorted(["INTK.all", *(f"INTK.{number}" for number in range(1, 21))])


def test_webhook_is_claimed_until_its_lease_ends(registry: Registry) -> None:
    registry.put_webhook("clinic", "monday", URL, NOW)
    registry.put_webhook("clinic", "monday", URL, later(5))
    registry.put_webhook("clinic", "tuesday", URL, later(1))
    assert registry.claim_webhooks(later(-1), 30, 10) == []
    [first] = registry.claim_webhooks(later(1), 30, 1)
    assert (first.tenant, first.group, first.url, first.created_at, first.attempts) == ("clinic", "monday", URL, NOW, 0)
    [second] = registry.claim_webhooks(later(1), 30, 10)
    assert second.group == "tuesday"
    assert registry.claim_webhooks(later(30.9), 30, 10) == []
    assert [webhook.id for webhook in registry.claim_webhooks(later(31), 30, 10)] == [first.id, second.id]


def test_webhook_is_retried_and_ends(registry: Registry) -> None:
    for group in ("monday", "tuesday"):
        registry.put_webhook("clinic", group, URL, NOW)
    first, second = registry.claim_webhooks(NOW, 30, 10)
    registry.retry_webhook(first.id, later(10), "")
    registry.retry_webhook(second.id, later(11), "connection\nrefused" + "x" * 1000)
    assert registry.claim_webhooks(later(9), 30, 10) == []
    assert registry.claim_webhooks(later(10), 30, 10) == [first]
    [again] = registry.claim_webhooks(later(11), 30, 10)
    assert again.attempts == 1
    assert again.error.startswith("connection\\nrefused")
    assert len(again.error) <= MAX_ERROR + 3
    registry.delivered(first.id, later(12))
    registry.failed(second.id, later(12), "given up")
    registry.retry_webhook(first.id, later(12), "from an old lease")
    registry.put_webhook("clinic", "monday", URL, later(13))
    assert registry.claim_webhooks(later(1000), 30, 10) == []


def test_webhooks_are_claimed_once_by_several_threads(registry: Registry) -> None:
    for number in range(20):
        registry.put_webhook("clinic", f"g{number}", URL, NOW)
    with ThreadPoolExecutor(4) as threads:
        claims = list(threads.map(lambda _: registry.claim_webhooks(NOW, 30, 5), range(8)))
    claimed = [webhook.id for claim in claims for webhook in claim]
    assert len(claimed) == len(set(claimed)) == 20


def test_registry_shares_a_server_but_no_file_with_the_forms(database: Database) -> None:
    database.open()
    if database.kind == "sqlite":
        with pytest.raises(SettingsError, match="expected a database of the gateway, got a SQLite database of another"):
            database.open_registry()
    else:
        assert database.open_registry().put_group(GROUP, range(100)) == GROUP

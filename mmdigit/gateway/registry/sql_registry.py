"""Registry on SQLite and PostgreSQL: the same statements for both."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from pydantic import SecretStr
from sqlalchemy import ColumnElement, Connection, Engine, Row, func, select, tuple_, update

from mmdigit.database.engine import open_engine
from mmdigit.database.schema import from_us, to_us
from mmdigit.database.sql_database import SqlStore
from mmdigit.gateway.registry.ports import StoredGroup, Token, Webhook
from mmdigit.gateway.registry.tables import GATEWAY, GROUP_JOBS, GROUP_PAGES, GROUPS, SCHEMA, TOKENS, WEBHOOKS
from mmdigit.settings.redaction import redact
from schemas.printable import escaped, printable

CHUNK = 500  # names in one query
MAX_ERROR = 300  # characters


def open_registry(url: str, password: SecretStr | None = None, *, create: bool = True) -> "SqlRegistry":
    """Open the database at url (mmdigit.database.engine), and create its tables if there are none.

    create: make a SQLite file that is not there.

    Raises SettingsError for an invalid URL, another program's file or another release's tables, AccessError if access
    is refused, StoreError if it cannot be reached.
    """
    return SqlRegistry(open_engine(url, GATEWAY, password, create=create), redact(url))


class SqlRegistry(SqlStore):
    """Tokens, groups and webhooks in tables."""

    def __init__(self, engine: Engine, place: str) -> None:
        super().__init__(engine, SCHEMA, place)

    def put_token(self, token: Token, secret_sha256: str) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                TOKENS.insert().values(
                    id=token.id, name=escaped(token.name), tenant=token.tenant, scopes=" ".join(sorted(token.scopes)),
                    secret_sha256=secret_sha256, created_us=to_us(token.created_at),
                    expires_us=_us_or_none(token.expires_at), revoked_us=_us_or_none(token.revoked_at),
                )
            )  # fmt: skip

    def token(self, token_id: str) -> tuple[Token, str] | None:
        with self._database.reading() as connection:
            row = connection.execute(select(TOKENS).where(TOKENS.c.id == token_id)).one_or_none()
        return None if row is None else (_token_of(row), row.secret_sha256)

    def tokens(self) -> list[Token]:
        with self._database.reading() as connection:
            return [
                _token_of(row) for row in connection.execute(select(TOKENS).order_by(TOKENS.c.created_us, TOKENS.c.id))
            ]

    def revoke_token(self, token_id: str, at: datetime) -> bool:
        revoke = update(TOKENS).where(TOKENS.c.id == token_id, TOKENS.c.revoked_us.is_(None))
        with self._database.transaction() as connection:
            return connection.execute(revoke.values(revoked_us=to_us(at))).rowcount == 1

    def put_group(self, group: StoredGroup, submitted: Iterable[int] = ()) -> StoredGroup:
        put = self._database.insert(GROUPS).values(
            tenant=group.tenant, name=group.name, kind=group.kind, jobs=0, created_us=to_us(group.created_at)
        )
        finished = _us_or_none(group.finished_at)
        with self._database.transaction() as connection:
            connection.execute(put.on_conflict_do_nothing(index_elements=[GROUPS.c.tenant, GROUPS.c.name]))
            kept = connection.execute(
                select(GROUPS).where(_is_group(group.tenant, group.name)).with_for_update()
            ).one()  # fmt: skip
            new = self._add_jobs(connection, kept.id, submitted)
            grown = _add_pages(connection, kept.id, group.pages) or new > 0
            changed = update(GROUPS).where(GROUPS.c.id == kept.id).values(
                jobs=kept.jobs + new,
                finished_us=finished if grown or kept.finished_us is None else kept.finished_us,
            )  # fmt: skip
            return _group_of(connection.execute(changed.returning(*GROUPS.c)).one())

    def group(self, tenant: str, name: str) -> StoredGroup | None:
        with self._database.reading() as connection:
            row = connection.execute(select(GROUPS).where(_is_group(tenant, name))).one_or_none()
            if row is None:
                return None
            pages = select(GROUP_PAGES.c.page).where(GROUP_PAGES.c.group_id == row.id).order_by(GROUP_PAGES.c.position)
            return _group_of(row, tuple(connection.execute(pages).scalars()))

    def groups(self, tenant: str, limit: int, before: str | None = None) -> list[StoredGroup]:
        order = (GROUPS.c.created_us, GROUPS.c.id)
        query = select(GROUPS).where(GROUPS.c.tenant == tenant).order_by(*(column.desc() for column in order))
        with self._database.reading() as connection:
            if before is not None:
                last = connection.execute(select(*order).where(_is_group(tenant, before))).one_or_none()
                if last is None:
                    return []
                query = query.where(tuple_(*order) < tuple(last))
            return [_group_of(row) for row in connection.execute(query.limit(limit))]

    def put_webhook(self, tenant: str, group: str, url: str, at: datetime) -> None:
        put = self._database.insert(WEBHOOKS).values(
            tenant=tenant, group_name=group, url=escaped(url), created_us=to_us(at), due_us=to_us(at), state="waiting",
            attempts=0, error="",
        )  # fmt: skip
        with self._database.transaction() as connection:
            connection.execute(
                put.on_conflict_do_nothing(index_elements=[WEBHOOKS.c.tenant, WEBHOOKS.c.group_name, WEBHOOKS.c.url])
            )

    def claim_webhooks(self, now: datetime, lease_s: float, limit: int) -> list[Webhook]:
        due = select(WEBHOOKS).where(WEBHOOKS.c.state == "waiting", WEBHOOKS.c.due_us <= to_us(now))
        due = due.order_by(WEBHOOKS.c.due_us, WEBHOOKS.c.id).limit(limit).with_for_update(skip_locked=True)
        with self._database.transaction() as connection:
            rows = connection.execute(due).all()
            lease = update(WEBHOOKS).where(WEBHOOKS.c.id.in_([row.id for row in rows]))
            connection.execute(lease.values(due_us=to_us(now + timedelta(seconds=lease_s))))
        return [_webhook_of(row) for row in rows]

    def delivered(self, webhook_id: int, at: datetime) -> None:
        self._change(webhook_id, state="delivered", ended_us=to_us(at), attempts=WEBHOOKS.c.attempts + 1, error="")

    def retry_webhook(self, webhook_id: int, next_at: datetime, error: str) -> None:
        tried = {"attempts": WEBHOOKS.c.attempts + 1, "error": printable(error, MAX_ERROR)} if error else {}
        self._change(webhook_id, due_us=to_us(next_at), **tried)

    def failed(self, webhook_id: int, at: datetime, error: str) -> None:
        self._change(
            webhook_id, state="failed", ended_us=to_us(at), attempts=WEBHOOKS.c.attempts + 1,
            error=printable(error, MAX_ERROR),
        )  # fmt: skip

    def _add_jobs(self, connection: Connection, group_id: int, numbers: Iterable[int]) -> int:
        """How many are new."""
        put = self._database.insert(GROUP_JOBS).on_conflict_do_nothing().returning(GROUP_JOBS.c.number)
        new = 0
        for chunk in batched(numbers, CHUNK):
            rows = [{"group_id": group_id, "number": number} for number in chunk]
            new += len(connection.execute(put.values(rows)).all())
        return new

    def _change(self, webhook_id: int, **values: object) -> None:
        """Unless it has ended: whoever holds an old lease changes nothing."""
        change = update(WEBHOOKS).where(WEBHOOKS.c.id == webhook_id, WEBHOOKS.c.state == "waiting").values(values)
        with self._database.transaction() as connection:
            connection.execute(change)


def batched(numbers: Iterable[int], size: int) -> Iterator[tuple[int, ...]]:
    rest = iter(numbers)
    while chunk := tuple(islice(rest, size)):
        yield chunk


def _is_group(tenant: str, name: str) -> ColumnElement[bool]:
    return (GROUPS.c.tenant == tenant) & (GROUPS.c.name == name)


def _add_pages(connection: Connection, group_id: int, pages: tuple[str, ...]) -> bool:
    """Add those that are new, in order. Returns whether there were any."""
    wanted = list(dict.fromkeys(pages))
    known: set[str] = set()
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        kept = select(GROUP_PAGES.c.page).where(GROUP_PAGES.c.group_id == group_id, GROUP_PAGES.c.page.in_(chunk))
        known.update(connection.execute(kept).scalars())
    last = select(func.coalesce(func.max(GROUP_PAGES.c.position), 0)).where(GROUP_PAGES.c.group_id == group_id)
    position = connection.execute(last).scalar_one()
    new = [page for page in wanted if page not in known]
    if new:
        connection.execute(
            GROUP_PAGES.insert(),
            [{"group_id": group_id, "position": position + n, "page": page} for n, page in enumerate(new, 1)],
        )
    return bool(new)


def _token_of(row: Row[Any]) -> Token:
    return Token(
        row.id, row.name, row.tenant, frozenset(row.scopes.split()), from_us(row.created_us),
        _time_or_none(row.expires_us), _time_or_none(row.revoked_us),
    )  # fmt: skip


def _group_of(row: Row[Any], pages: tuple[str, ...] = ()) -> StoredGroup:
    return StoredGroup(
        row.tenant, row.name, row.kind, row.jobs, from_us(row.created_us), pages, _time_or_none(row.finished_us)
    )


def _webhook_of(row: Row[Any]) -> Webhook:
    return Webhook(
        row.id, row.tenant, row.group_name, row.url, from_us(row.created_us), row.attempts, row.error
    )  # fmt: skip


def _us_or_none(time: datetime | None) -> int | None:
    return None if time is None else to_us(time)


def _time_or_none(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else from_us(microseconds)

"""Creates the tables of a store once, adds those of a newer version, and what all tables share: times and keys.

Times are whole microseconds since 1970 in UTC, which both databases keep exactly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    insert,
    inspect,
    select,
    text,
    update,
)

from mmdigit.database.kind import DatabaseKind
from schemas.errors import SettingsError

ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself in an INTEGER alone
ORDERED_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Ordered by code points everywhere, as Python sorts names."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Schema:
    """The tables of one kind of database, and their version. versions: a table with one row.

    added: the tables that a version has added, by that version. An older database gets them and keeps all it has.
    """

    kind: DatabaseKind
    version: int
    tables: MetaData
    versions: Table
    added: Mapping[int, Sequence[Table]] = field(default_factory=dict)

    def prepare(self, connection: Connection, place: str) -> None:
        """Create the tables, or those that an older database lacks; in a transaction. place: for messages.

        Raises SettingsError if they are of a release whose tables this one does not know.
        """
        version = self._version(connection)
        if version is None or version in self._older:
            if connection.dialect.name == "postgresql":  # two programs must not create the tables at once
                connection.execute(text(f"SELECT pg_advisory_xact_lock({self.kind.number})"))
            version = self._version(connection)  # another program may have been faster
            if version is None:
                self.tables.create_all(connection)
                connection.execute(insert(self.versions).values(version=self.version))
            elif version in self._older:
                missing = [table for later in range(version + 1, self.version + 1) for table in self.added[later]]
                self.tables.create_all(connection, tables=missing)
                connection.execute(update(self.versions).values(version=self.version))
            version = self._version(connection)
        if version != self.version:
            raise SettingsError(
                f"expected tables of version {self.version} in {place}, got version {version}, of another release; "
                "use that release, or name another database"
            )

    @property
    def _older(self) -> range:
        """The versions that lead to this one."""
        first = self.version
        while first in self.added:
            first -= 1
        return range(first, self.version)

    def _version(self, connection: Connection) -> int | None:
        """None if there are no tables yet; 0 if they have no version."""
        if not inspect(connection).has_table(self.versions.name):
            return None
        return connection.execute(select(self.versions.c.version)).scalar_one_or_none() or 0


def versions_table(name: str, tables: MetaData) -> Table:
    """The table that says of which version the others are."""
    return Table(name, tables, Column("version", Integer, primary_key=True, autoincrement=False))


def to_us(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)


def from_us(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)

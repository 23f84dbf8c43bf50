"""Creates the tables of a store once, refuses those of another release, and what all tables share: times and keys.

Times are whole microseconds since 1970 in UTC, which both databases keep exactly.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Table, Text, insert, inspect, select, text

from mmdigit.database.kind import DatabaseKind
from schemas.errors import SettingsError

ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself in an INTEGER alone
ORDERED_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Ordered by code points everywhere, as Python sorts names."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Schema:
    """The tables of one kind of database, and their version. versions: a table with one row."""

    kind: DatabaseKind
    version: int
    tables: MetaData
    versions: Table

    def prepare(self, connection: Connection, place: str) -> None:
        """Create the tables if there are none; in a transaction. place: of the database, for messages.

        Raises SettingsError if they are of another release.
        """
        if not inspect(connection).has_table(self.versions.name):
            if connection.dialect.name == "postgresql":  # two programs must not create the tables at once
                connection.execute(text(f"SELECT pg_advisory_xact_lock({self.kind.number})"))
            if not inspect(connection).has_table(self.versions.name):  # another program may have been faster
                self.tables.create_all(connection)
                connection.execute(insert(self.versions).values(version=self.version))
        version = connection.execute(select(self.versions.c.version)).scalar_one_or_none()
        if version != self.version:
            raise SettingsError(
                f"expected tables of version {self.version} in {place}, got version {version}, of another release; "
                "use that release, or name another database"
            )


def versions_table(name: str, tables: MetaData) -> Table:
    """The table that says of which version the others are."""
    return Table(name, tables, Column("version", Integer, primary_key=True, autoincrement=False))


def to_us(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)


def from_us(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)

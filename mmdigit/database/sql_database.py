"""A database with a store's tables: transactions that are durable, reading, and errors of this project."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.dialects import postgresql, sqlite

from mmdigit.database.errors import map_errors
from mmdigit.database.schema import Schema


class SqlDatabase:
    """Safe to use from several threads."""

    def __init__(self, engine: Engine, schema: Schema, place: str) -> None:
        """Creates the tables if there are none. place: of the database, for messages, without a password.

        Raises SettingsError for another program's file or another release's tables, AccessError if access is refused,
        StoreError if it cannot be reached; it has then closed the engine.
        """
        self._engine, self._kind, self._place = engine, schema.kind, place
        self._writing = engine.execution_options(writes=True)
        try:
            with self.transaction() as connection:
                schema.prepare(connection, place)
        except BaseException:
            engine.dispose()
            raise

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All or nothing, durable when the block ends."""
        with map_errors(self._place, self._kind), self._writing.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with map_errors(self._place, self._kind), self._engine.connect() as connection:
            yield connection

    def insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """An INSERT that knows ON CONFLICT."""
        return sqlite.insert(table) if self._engine.dialect.name == "sqlite" else postgresql.insert(table)

    def close(self) -> None:
        self._engine.dispose()


class SqlStore:
    """What every store on a database has: the database, and its end. A context manager."""

    def __init__(self, engine: Engine, schema: Schema, place: str) -> None:
        """As SqlDatabase."""
        self._database = SqlDatabase(engine, schema, place)

    def close(self) -> None:
        """Release all resources. Safe to call twice."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

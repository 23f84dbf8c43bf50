"""Transactions of a database, from several threads, and what it says of another kind's file."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Column, Engine, Integer, MetaData, Table, func, select, update

from mmdigit.database.engine import open_engine
from mmdigit.database.kind import DatabaseKind
from mmdigit.database.schema import Schema, versions_table
from mmdigit.database.sql_database import SqlDatabase
from mmdigit.forms.store.sql_store import open_page_store
from schemas.errors import SettingsError

APPLES = DatabaseKind("database of apples", "--apples", "apples_password", "sqlite:///apples.db", 0x6170706C)
TABLES = MetaData()
BASKETS = Table("baskets", TABLES, Column("id", Integer, primary_key=True), Column("apples", Integer, nullable=False))
SCHEMA = Schema(APPLES, 1, TABLES, versions_table("apples_schema", TABLES))


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_engine(f"sqlite:///{tmp_path / 'apples.db'}", APPLES)


@pytest.fixture
def baskets(engine: Engine) -> Iterator[SqlDatabase]:
    database = SqlDatabase(engine, SCHEMA, "apples.db")
    with database.transaction() as connection:
        connection.execute(database.insert(BASKETS).values(id=1, apples=0))
    yield database
    database.close()


def apples(baskets: SqlDatabase) -> int:
    with baskets.reading() as connection:
        return int(connection.execute(select(func.sum(BASKETS.c.apples))).scalar_one())


def test_transaction_that_fails_changes_nothing(baskets: SqlDatabase) -> None:
    def fail() -> None:
        with baskets.transaction() as connection:
            connection.execute(update(BASKETS).values(apples=5))
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        fail()
    assert apples(baskets) == 0


def test_transactions_of_threads_follow_each_other(baskets: SqlDatabase) -> None:
    """Each reads before it writes: without a lock from its beginning, one would overwrite the other's or fail."""

    def add(_: int) -> None:
        with baskets.transaction() as connection:
            found = connection.execute(select(BASKETS.c.apples)).scalar_one()
            connection.execute(update(BASKETS).values(apples=found + 1))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(add, range(40)))
    assert apples(baskets) == 40


def test_tables_are_created_once(engine: Engine, tmp_path: Path) -> None:
    engines = [engine, *(open_engine(f"sqlite:///{tmp_path / 'apples.db'}", APPLES) for _ in range(3))]
    with ThreadPoolExecutor(4) as threads:
        for database in threads.map(lambda each: SqlDatabase(each, SCHEMA, "apples.db"), engines):
            database.close()


def test_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    open_page_store(f"sqlite:///{tmp_path / 'forms.db'}").close()
    with pytest.raises(SettingsError, match="expected a database of apples, got a SQLite database of another program"):
        SqlDatabase(open_engine(f"sqlite:///{tmp_path / 'forms.db'}", APPLES), SCHEMA, "forms.db")


def test_missing_file_names_its_flag(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"a database of apples in the file '.*', got no file; check --apples"):
        open_engine(f"sqlite:///{tmp_path / 'apples.db'}", APPLES, create=False)

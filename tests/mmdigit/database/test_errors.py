"""Which errors of the databases pass, which somebody has to act on, and that none shows a password."""

import sqlite3
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import exc

from lab.kit.services import POSTGRES_PASSWORD, free_port
from mmdigit.database.errors import map_errors
from mmdigit.database.kind import DatabaseKind
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.forms.store.tables import FORMS
from schemas.errors import AccessError, MmdigitError, SettingsError, StoreError
from tests.mmdigit.forms.store.kept import page


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (psycopg.errors.InsufficientPrivilege("permission denied for table form_pages"), AccessError),
        (psycopg.errors.UndefinedTable('relation "form_pages" does not exist'), SettingsError),
        (psycopg.errors.DeadlockDetected("deadlock detected"), StoreError),
        (psycopg.errors.AdminShutdown("terminating connection"), StoreError),
        (psycopg.OperationalError("connection refused"), StoreError),
        (exc.DBAPIError("SELECT 1", {}, psycopg.errors.DiskFull("no space")), StoreError),
        (exc.TimeoutError("no connection of the pool"), StoreError),
        (sqlite3.OperationalError("disk I/O error\nat once"), StoreError),
    ],
)
def test_map_errors_tells_what_passes(error: Exception, kind: type[MmdigitError]) -> None:
    with pytest.raises(MmdigitError, match=r"^expected .*; ") as caught, map_errors("db", FORMS):
        raise error
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)


def test_map_errors_names_the_kind_and_its_settings() -> None:
    kind = DatabaseKind("database of apples", "--apples", "apples_password", "sqlite:///apples.db", 1)
    for error, words in (
        (psycopg.errors.UndefinedTable("none"), "expected a database of apples at db, got: none; check --apples"),
        (psycopg.errors.InsufficientPrivilege("no"), "check the user, apples_password_file and the certificates"),
    ):
        with pytest.raises(SettingsError, match=words), map_errors("db", kind):
            raise error


def test_map_errors_leaves_others_alone() -> None:
    with pytest.raises(ValueError, match="mine"), map_errors("db", FORMS):
        raise ValueError("mine")


def test_server_that_is_away_may_come_back() -> None:
    with pytest.raises(StoreError, match="check that it runs") as caught:
        open_page_store(f"postgresql://ada@127.0.0.1:{free_port()}/forms", SecretStr("s3cret"))
    assert "s3cret" not in str(caught.value)


@pytest.mark.docker
def test_server_that_refuses_is_an_access_error(postgres_url: str) -> None:
    with pytest.raises(AccessError, match="password authentication failed") as caught:
        open_page_store(postgres_url, SecretStr("s3cret"))
    assert "s3cret" not in str(caught.value)


@pytest.mark.docker
def test_database_that_does_not_exist_is_told(postgres_url: str) -> None:
    with pytest.raises(SettingsError, match="does not exist; check --forms"):
        open_page_store(f"{postgres_url}_none", SecretStr(POSTGRES_PASSWORD))


@pytest.mark.docker
def test_store_goes_on_after_the_server_ends_its_sessions(postgres_url: str) -> None:
    with (
        open_page_store(postgres_url, SecretStr(POSTGRES_PASSWORD)) as store,
        psycopg.connect(postgres_url, password=POSTGRES_PASSWORD, autocommit=True) as other,
    ):
        store.put_pages([page(1)])
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'forms'"
        )
        store.put_pages([page(2)])
        assert store.known_groups(["INTK.1", "INTK.2"]) == {"INTK.1", "INTK.2"}


def test_missing_table_is_told(tmp_path: Path) -> None:
    path = tmp_path / "forms.db"
    with open_page_store(f"sqlite:///{path}") as store:
        connection = sqlite3.connect(path)
        connection.execute("DROP TABLE form_pages")
        connection.close()
        with pytest.raises(SettingsError, match="damaged or another one"):
            store.put_pages([page()])

"""Which URLs name a database, and that a SQLite file is private, ours and durable."""

import sqlite3
import stat
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from mmdigit.database.engine import open_engine
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.forms.store.tables import FORMS
from mmdigit.transport.sqlite.publisher import SqlitePublisher
from schemas.errors import SettingsError, StoreError
from tests.mmdigit.forms.store.kept import page


@pytest.mark.parametrize(
    "url",
    [
        *(
            "mysql://host/db",
            "postgresql://host",
            "postgresql://a:s3cret@host/db",
            "postgresql://h1,h2/db",
            "sqlite://x",
        ),
        *("postgresql://host/db?sslmode=require", "postgresql://host/db?host=other", "postgresql://host:99999/db"),
        *("postgresql://host/db#x", "sqlite:///a.db?mode=ro", "sqlite:///", "sqlite:///a%00b", "postgresql://host/a b"),
        *("postgresql://host/db?sslmode=verify-full&sslmode=disable", "postgresql:///db", "forms.db"),
    ],
)
def test_open_engine_refuses_other_urls(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^expected .*for example sqlite:///forms\.db") as caught:
        open_engine(url, FORMS)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("", {"sslmode": "disable"}),
        ("?sslmode=verify-full", {"sslmode": "verify-full", "sslrootcert": "system"}),
        ("?sslmode=verify-full&sslrootcert=/ca.pem", {"sslmode": "verify-full", "sslrootcert": "/ca.pem"}),
    ],
)
def test_open_engine_verifies_the_server_or_uses_no_tls(query: str, options: dict[str, str]) -> None:
    engine = open_engine(f"postgresql://ada@db/forms{query}", FORMS, SecretStr("word"))
    assert {name: value for name, value in engine.url.query.items() if name.startswith("ssl")} == options
    assert "word" not in repr(engine)


def test_password_with_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="unset the password"):
        open_engine(f"sqlite:///{tmp_path / 'forms.db'}", FORMS, SecretStr("word"))


def test_file_is_private_and_durable(tmp_path: Path) -> None:
    path = tmp_path / "forms.db"
    with open_page_store(f"sqlite:///{path}") as store:
        store.put_pages([page()])
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == {"forms.db": 0o600, "forms.db-wal": 0o600, "forms.db-shm": 0o600}
    engine = open_engine(f"sqlite:///{path}", FORMS)
    with engine.connect() as connection:
        for pragma, value in (("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)):
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() == value
    engine.dispose()


def test_file_of_another_program_is_refused_and_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    SqlitePublisher(path, "jobs").close()
    before = path.read_bytes()
    with pytest.raises(SettingsError, match="of another program"):
        open_page_store(f"sqlite:///{path}")
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE mine (id INTEGER)")
    with pytest.raises(SettingsError, match="of another program"):
        open_page_store(f"sqlite:///{tmp_path / 'other.db'}")
    assert path.read_bytes() == before


def test_file_that_another_of_ours_creates_meanwhile_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "forms.db"
    with closing(sqlite3.connect(path)) as first:
        first.execute("PRAGMA journal_mode = WAL")

    class Interrupted(sqlite3.Connection):
        """Another program creates its tables right after this one has looked at the file's number."""

        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            cursor = super().execute(sql, *args)
            if sql == "PRAGMA application_id":
                with closing(sqlite3.connect(path)) as other:
                    other.execute(f"PRAGMA application_id = {FORMS.number}")
                    other.execute("CREATE TABLE pages (id INTEGER)")
            return cursor

    monkeypatch.setattr(sqlite3.dbapi2, "connect", partial(sqlite3.connect, factory=Interrupted))
    engine = open_engine(f"sqlite:///{path}", FORMS)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA application_id").scalar_one() == FORMS.number
    engine.dispose()


def test_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_bytes(b"no database\n" * 100)
    with pytest.raises(SettingsError, match="expected an intact database of forms"):
        open_page_store(f"sqlite:///{tmp_path / 'text.db'}")
    (tmp_path / "short.db").write_bytes(b"short")
    with pytest.raises(SettingsError, match="expected a database of forms, got only 5 bytes"):
        open_page_store(f"sqlite:///{tmp_path / 'short.db'}")
    with pytest.raises(StoreError, match="expected to use the SQLite file"):
        open_page_store("sqlite:////proc/nowhere.db")

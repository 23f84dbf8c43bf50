"""The version of the tables, and times as they are kept."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from mmdigit.database.schema import from_us, to_us
from mmdigit.forms.store.sql_store import open_page_store
from schemas.errors import SettingsError


def test_tables_of_a_newer_release_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "forms.db"
    open_page_store(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE form_schema SET version = 2")
        connection.commit()
    with pytest.raises(SettingsError, match=r"expected tables of version 1 .* got version 2, of another release"):
        open_page_store(f"sqlite:///{path}")


def test_times_are_exact_in_any_zone() -> None:
    time = datetime(2026, 11, 28, 12, 30, 0, 123457, tzinfo=timezone(timedelta(hours=2)))
    assert from_us(to_us(time)) == time
    assert from_us(to_us(time)).tzinfo is UTC

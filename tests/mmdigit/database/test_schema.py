"""The version of the tables, and times as they are kept."""

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from mmdigit.database.schema import from_us, to_us
from mmdigit.forms.store.ports import PageCounts
from mmdigit.forms.store.review_port import FieldPlace, Place, StoredClaim
from mmdigit.forms.store.sql_review_store import open_review_store
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.forms.store.tables import FORMS
from schemas.errors import SettingsError
from tests.mmdigit.forms.store.kept import FIELDS, HEARD, NOW, SOUNDS, page

VERSION_1 = Path(__file__).parents[1] / "forms" / "store" / "version_1.sql"


def test_tables_of_a_newer_release_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "forms.db"
    open_page_store(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE form_schema SET version = 4")
        connection.commit()
    with pytest.raises(SettingsError, match=r"expected tables of version 3 .* got version 4, of another release"):
        open_page_store(f"sqlite:///{path}")


def version_1(path: Path) -> str:
    """A database as the first version made it, with pages, values and changes. Returns its URL."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_1.read_text())
        connection.execute(f"PRAGMA application_id = {FORMS.number}")
    return f"sqlite:///{path}"


def test_older_database_keeps_all_it_has(tmp_path: Path) -> None:
    url = version_1(tmp_path / "forms.db")
    with open_page_store(url) as store:
        assert store.counts(page().template) == PageCounts(pages=3, unread=1, failed=1, accepted=1, review=1)
        records = store.records(["INTK.1"])["INTK.1"]
        assert [(change.kind, change.text, change.by) for change in records["member"].changes] == [
            ("correction", "12", "Ada"), ("control", "0072", "Ada"),
        ]  # fmt: skip
        assert store.fields("INTK.1") == FIELDS
        assert store.sound("INTK.1", "member") is None
        store.put_pages([page(9, heard=HEARD, sounds=SOUNDS)])
        assert store.sound("INTK.9", "member") == SOUNDS["*"]
    with open_review_store(url) as review:
        assert review.held("", "g", NOW) == []
        place = Place(FieldPlace("INTK.1", "member"))
        claim = StoredClaim("c", "", "g", "loopback", "Bo", "review", NOW + timedelta(minutes=5))
        assert [each.place for each in review.claim(claim, [place], 1, NOW, lambda *_: True)] == [place]
    with closing(sqlite3.connect(tmp_path / "forms.db")) as connection:
        assert connection.execute("SELECT version FROM form_schema").fetchall() == [(3,)]


def test_older_database_is_brought_up_by_several_at_once(tmp_path: Path) -> None:
    url, failed = version_1(tmp_path / "forms.db"), list[Exception]()

    def bring_up() -> None:
        try:
            open_page_store(url).close()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=bring_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    open_review_store(url).close()


def test_tables_of_an_unknown_older_release_are_refused(tmp_path: Path) -> None:
    url = version_1(tmp_path / "forms.db")
    with closing(sqlite3.connect(tmp_path / "forms.db")) as connection:
        connection.execute("UPDATE form_schema SET version = 0")
        connection.commit()
    with pytest.raises(SettingsError, match="got version 0, of another release"):
        open_page_store(url)


def test_times_are_exact_in_any_zone() -> None:
    time = datetime(2026, 11, 28, 12, 30, 0, 123457, tzinfo=timezone(timedelta(hours=2)))
    assert from_us(to_us(time)) == time
    assert from_us(to_us(time)).tzinfo is UTC

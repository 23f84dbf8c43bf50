"""The name of a destination, and whether it is new."""

from pathlib import Path

import pytest

from mmdigit.sending.destination import parse_destination


def test_sqlite_destination_is_the_same_from_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path)
    here = parse_destination("sqlite:///queue.db?topic=jobs")
    monkeypatch.chdir(tmp_path / "inside")
    assert parse_destination("sqlite:///../queue.db?topic=jobs") == here
    assert parse_destination("sqlite:///queue.db?topic=jobs") != here
    assert parse_destination(f"sqlite:///{tmp_path}/queue.db?topic=jobs") == here


def test_sqlite_destination_is_new_until_its_file_exists(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/queue.db"
    assert parse_destination(url).is_new
    (tmp_path / "queue.db").write_text("")
    assert not parse_destination(url).is_new


def test_link_loop_is_left_to_the_queue_to_refuse(tmp_path: Path) -> None:
    (tmp_path / "queue.db").symlink_to("queue.db")
    assert parse_destination(f"sqlite:///{tmp_path}/queue.db").is_new


def test_destination_name_holds_no_secret() -> None:
    destination = parse_destination("kafka://user:hunter2@broker:9092/jobs")
    assert "hunter2" not in destination.name
    assert not destination.is_new

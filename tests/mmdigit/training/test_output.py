"""Output of the training commands: unwritable folders, and files that are replaced."""

import json
from pathlib import Path

import pytest

from mmdigit.training.output import make_folder, write_json
from schemas.errors import SettingsError


def test_make_folder_refuses_an_unwritable_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "in", Path("/proc/nowhere")):
        with pytest.raises(SettingsError, match="name another folder"):
            make_folder(folder)


def test_write_json_replaces_a_file_only_when_complete(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"kept": 1})
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"fails": object()})
    assert json.loads((tmp_path / "a.json").read_text()) == {"kept": 1}
    write_json(tmp_path / "a.json", {"new": 2})
    assert {path.name: json.loads(path.read_text()) for path in tmp_path.iterdir()} == {"a.json": {"new": 2}}

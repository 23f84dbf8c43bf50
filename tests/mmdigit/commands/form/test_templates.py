"""`mmdigit form`, command by command."""

from pathlib import Path

import pytest

from mmdigit import cli


def test_new_form_is_checked_and_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    form, stack = str(tmp_path / "form.yaml"), tmp_path / "stack.pdf"
    assert cli.main(["form", "new", form]) == 0
    assert cli.main(["form", "check", form]) == 0
    assert cli.main(["form", "print", form, "-n", "2", "-o", str(stack)]) == 0
    assert stack.read_bytes().startswith(b"%PDF")
    printed = capsys.readouterr().out
    assert "form INTK revision 1, 1 page, 21 fields, 99 boxes" in printed
    assert "2 copies of INTK, serial numbers 1 to 2" in printed


def test_form_new_keeps_a_file_that_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "form.yaml").write_text("mine")
    assert cli.main(["form", "new", str(tmp_path / "form.yaml")]) == 2
    assert "expected no file yet" in capsys.readouterr().err
    assert (tmp_path / "form.yaml").read_text() == "mine"


def test_form_check_tells_every_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "form.yaml").write_text("version: 1\nform: INTK\npages:\n  - fields: [{name: a}]\n    titel: x\n")
    assert cli.main(["form", "check", str(tmp_path / "form.yaml")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert "line 4: pages.0.fields.0: expected the key boxes, got none; add it" in lines[0]
    assert "line 5: pages.0.titel: expected a known key, got titel; correct or remove it" in lines[1]

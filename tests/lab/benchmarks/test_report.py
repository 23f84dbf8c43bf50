"""Options that all benchmarks share, and where a result goes."""

import json
from pathlib import Path

import pytest

from lab.kit.report import arguments, command_of, show

RESULT = {"rate": 123.456789}


def table(result: dict[str, object]) -> str:
    return f"rate {result['rate']}"


def test_a_table_is_printed_unless_json_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    parser = arguments("lab.benchmarks.wire", "What it tells.")
    assert show(parser.parse_args([]), RESULT, table) == 0
    assert capsys.readouterr().out == "rate 123.5\n"
    show(parser.parse_args(["--json"]), RESULT, table)
    assert json.loads(capsys.readouterr().out) == {"rate": 123.5}


def test_the_file_holds_the_json_either_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "result.json"
    show(arguments("lab.benchmarks.wire", "").parse_args(["--output", str(path)]), RESULT, table)
    assert json.loads(path.read_text()) == {"rate": 123.5}
    assert capsys.readouterr().out == "rate 123.5\n"


def test_the_command_names_no_folder_of_this_machine() -> None:
    assert command_of("lab.benchmarks.wire", Path("/home/somebody/data")) == "python -m lab.benchmarks.wire --data DIR"
    assert command_of("lab.benchmarks.wire", None) == "python -m lab.benchmarks.wire"

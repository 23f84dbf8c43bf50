"""The `mmdigit` command, end to end in its own process or called."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmdigit import cli
from tests.mmdigit.clips import as_bytes, drawn_digit, tone, wav

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("MMDIGIT_"):
            monkeypatch.delenv(name)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "seven.png").write_bytes(as_bytes(drawn_digit()))
    (tmp_path / "tone.wav").write_bytes(wav(tone()))
    return tmp_path


def test_predict_prints_one_json_line(files: Path) -> None:
    command = [sys.executable, "-m", "mmdigit", "predict", "--image", "seven.png", "--audio", "tone.wav"]
    done = subprocess.run(
        command, cwd=files, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=True
    )
    answer = json.loads(done.stdout)
    assert done.stdout.count(b"\n") == 1
    assert done.stderr == b""
    assert answer["image"]["label"] == 7
    assert set(answer) >= {"label", "confidence", "decision", "reasons", "novelty", "model_version", "audio", "fused"}


def test_predict_writes_a_table_for_a_manifest(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "pairs.csv").write_text("id,image,audio,label\na,seven.png,,7\nb,none.png,,7\n")
    arguments = ["predict", "--manifest", str(files / "pairs.csv"), "--output", str(files / "out.csv")]
    arguments += ["--target-error", "0.002"]
    assert cli.main(arguments) == 1
    captured = capsys.readouterr()
    assert "1 of 2 rows predicted" in captured.out
    assert "accuracy 100.00 %" in captured.out
    assert "target error 0.002 of the accepted" in captured.out
    assert "line 3 (b): expected a file" in captured.err
    (files / "pairs.csv").write_text("id,image,audio,label\na,seven.png,,7\n")
    assert cli.main(arguments) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["predict"], 2, "expected --image, --audio or both, or else --manifest"),
        (["predict", "--image", "i.png", "--manifest", "m.csv", "--output", "o.csv"], 2, "or else --manifest"),
        (["predict", "--manifest", "m.csv"], 2, "--manifest and --output together"),
        (["predict", "--image", "i.png", "--output", "o.csv"], 2, "--manifest and --output together"),
        (["predict", "--image", "/none.png"], 2, "expected a file at /none.png"),
        (
            ["predict", "--manifest", "/none.csv", "--output", "o.csv"],
            2,
            "expected a CSV manifest or a folder at /none.csv",
        ),
        (["predict", "--image", "i.png", "--weights", "/none.onnx"], 2, "expected a model at /none.onnx"),
        (["predict", "--image", str(ROOT / "README.md")], 1, "expected a PNG, JPEG, TIFF or WebP file"),
        (["predict", "--image", "i.png", "--threads", "0"], 2, "threads: "),
        (["predict", "--image", "i.png", "--target-error", "0"], 2, "target_error: "),
        (["predict", "--image", "i.png", "--target-error", "1"], 2, "target_error: "),
        (["predict", "--image", "i.png", "--target-error", "nan"], 2, "target_error: "),
        (["evaluate", "--data", "/none", "--output", "report"], 2, "run `mmdigit data download`"),
        (["evaluate"], 2, "expected --data, got none; for example --data data; expected --output, got none"),
        ([], 2, "expected a command (predict, "),
        (["dance"], 2, "got 'dance'; see mmdigit --help"),
        (["data", "upload"], 2, "expected a command (download), got 'upload'; see mmdigit data --help"),
        (["data"], 2, "expected a command (download), got none; see mmdigit data --help"),
    ],
)
def test_cli_reports_mistakes_in_one_line(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if str(ROOT / "README.md") in arguments and not (ROOT / "README.md").exists():
        arguments = ["predict", "--image", str(ROOT / "pyproject.toml")]
    assert cli.main(arguments) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("mmdigit: error: ")
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    for name, settings in cli.COMMANDS.items():
        *parents, word = name.split()
        with pytest.raises(SystemExit):
            cli.main([*parents, "--help"])
        assert f"\n    {word} " in capsys.readouterr().out
        assert settings.prog == f"mmdigit {name}"
        with pytest.raises(SystemExit) as left:
            cli.main([*name.split(), "--help"])
        assert left.value.code == 0
        assert f"usage: {settings.prog} " in capsys.readouterr().out
        assert all(field.description for field in settings.model_fields.values())


def test_cli_exits_with_130_on_interruption(monkeypatch: pytest.MonkeyPatch, files: Path) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mmdigit.commands.predict.predict_one", interrupt)
    assert cli.main(["predict", "--image", str(files / "seven.png")]) == 130

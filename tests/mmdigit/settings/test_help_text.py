"""What --help shows of settings: names for values, no empty defaults, no flag that is refused."""

import pytest

from mmdigit import cli
from worker.settings import WorkerSettings


def help_of(*words: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        cli.main([*words, "--help"])
    return capsys.readouterr().out


def test_help_names_values_and_omits_empty_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of("form", "read", capsys=capsys)
    assert text.startswith("usage: mmdigit form read [options] SCANS\n")
    assert "--weights PATH" in text
    assert "None" not in text
    assert "--threads N" in text
    assert "(default: 1)" in text


def test_help_of_show_lists_only_settings_of_redis(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of("show", capsys=capsys)
    assert "[JOB]" in text.splitlines()[0]
    assert text.index("--store") < text.index("--redis-ca-file")
    assert "kafka" not in text


def test_help_omits_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        WorkerSettings.load(["--help"])
    text = capsys.readouterr().out
    assert "SecretStr" not in text
    assert "--redis-password-file" in text
    assert "--redis-password " not in text


def test_help_lists_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--version" in help_of(capsys=capsys)

"""The producer's settings: names, ranges, and settings that need each other."""

import pytest

from producer.settings import ProducerSettings
from schemas.errors import SettingsError

LEAST = ["--from", "samples", "--to", "sqlite:///q.db"]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in os.environ:
        if name.startswith("MMDIGIT_"):
            monkeypatch.delenv(name)


def test_defaults() -> None:
    settings = ProducerSettings.load(LEAST)
    assert (settings.source, settings.to_url, settings.wire) == ("samples", "sqlite:///q.db", "msgpack")
    assert (settings.group, settings.count, settings.rate, settings.wait) == (None, None, None, False)


def test_flags_win_over_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"FROM": "folder", "TO": "sqlite:///e.db", "RATE": "2.5", "WAIT": "1", "STORE": "s"}.items():
        monkeypatch.setenv(f"MMDIGIT_{name}", value)
    settings = ProducerSettings.load(["--from", "other", "--no-wait"])
    assert (settings.source, settings.to_url, settings.rate, settings.wait) == ("other", "sqlite:///e.db", 2.5, False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "sqlite:///q.db"], "expected --from, got none; for example --from "),
        (["--from", "", "--to", "x"], "from: String should have at least 1 character"),
        ([*LEAST, "--wait"], "^--wait needs --store"),
        ([*LEAST, "--output", "o.csv"], "^--output needs --wait"),
        ([*LEAST, "--count", "0"], "count: "),
        ([*LEAST, "--count", "many"], "count: "),
        ([*LEAST, "--rate", "0"], "rate: "),
        ([*LEAST, "--rate", "inf"], "rate: "),
        ([*LEAST, "--rate", "nan"], "rate: "),
        ([*LEAST, "--seed", "-1"], "seed: "),
        ([*LEAST, "--wire", "xml"], "wire: "),
        ([*LEAST, "--split", "validation"], "split: "),
        ([*LEAST, "--group", "a b"], "group: "),
        ([*LEAST, "--wait-timeout-s", "0"], "wait_timeout_s: "),
        ([*LEAST, "--metrics-port", "0"], "metrics_port: "),
    ],
)
def test_wrong_settings_are_one_line(arguments: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        ProducerSettings.load(arguments)
    assert "\n" not in str(caught.value)
    assert "see python -m producer --help" in str(caught.value)


def test_urls_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMDIGIT_STORE", "redis://user:hunter2@host/0")
    settings = ProducerSettings.load([*LEAST, "--wait"])
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings)

"""The worker's settings from flags and environment."""

import pytest

from schemas.errors import SettingsError
from worker.replay.settings import ReplaySettings
from worker.settings import WorkerSettings
from worker.shadow.settings import ShadowSettings

URLS = ["--from", "sqlite:///a.db", "--store", "sqlite:///a.db"]


def test_help_begins_with_replay_and_shadow(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        WorkerSettings.load(["--help"])
    shown = capsys.readouterr().out
    assert shown.startswith("usage: python -m worker [replay | shadow] [options]\n")
    for program in (ReplaySettings, ShadowSettings):
        assert f"`{program.prog}`" in shown


def test_flags_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMDIGIT_FROM", "sqlite:///environment.db")
    monkeypatch.setenv("MMDIGIT_BATCH_SIZE", "7")
    settings = WorkerSettings.load(["--from", "sqlite:///flag.db", "--store", "sqlite:///flag.db"])
    assert (settings.from_url, settings.batch_size) == ("sqlite:///flag.db", 7)


def test_dead_letters_url_defaults_to_the_topic_of_jobs() -> None:
    settings = WorkerSettings.load(["--from", "kafka://h:9092/jobs", "--store", "redis://h"])
    assert settings.dead_letters_url == "kafka://h:9092/jobs.dead"
    settings = WorkerSettings.load(["--from", "kafka://h/a", "--store", "redis://h", "--dead-letters", "kafka://h/b"])
    assert settings.dead_letters_url == "kafka://h/b"


def test_wrong_value_is_one_line_without_the_value() -> None:
    with pytest.raises(
        SettingsError, match=r"batch_size: .* less than or equal to 1024 \(see python -m worker --help\)"
    ):
        WorkerSettings.load(["--from", "a", "--store", "b", "--batch-size", "9999"])


def test_required_settings_are_named() -> None:
    with pytest.raises(
        SettingsError, match=r"expected --from, got none; for example .*; expected --store, got none; for example"
    ):
        WorkerSettings.load([])


def test_target_error_is_a_share(monkeypatch: pytest.MonkeyPatch) -> None:
    urls = ["--from", "sqlite:///a.db", "--store", "sqlite:///a.db"]
    assert WorkerSettings.load(urls).target_error == 0.001
    monkeypatch.setenv("MMDIGIT_TARGET_ERROR", "0.01")
    assert WorkerSettings.load(urls).target_error == 0.01
    for wrong in ("0", "1", "-0.1", "nan", "inf", "few"):
        with pytest.raises(SettingsError, match="target_error: "):
            WorkerSettings.load([*urls, "--target-error", wrong])


@pytest.mark.parametrize("options", [["--batch-size", "100"], ["--breaker-window", "64"], ["--breaker-in-a-row", "64"]])
def test_breaker_limit_below_the_batch_size_is_refused(options: list[str]) -> None:
    with pytest.raises(SettingsError, match="above the size of a batch, "):
        WorkerSettings.load([*URLS, *options])


def test_breaker_in_a_row_of_0_is_accepted() -> None:
    options = ["--batch-size", "1024", "--breaker-in-a-row", "0", "--breaker-share", "1"]
    assert WorkerSettings.load([*URLS, *options]).batch_size == 1024

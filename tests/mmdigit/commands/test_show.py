"""`mmdigit show` on real stores: a job, a dead letter, a group, the end of the feed, and missing ones."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from mmdigit import cli
from mmdigit.commands.show import newest
from mmdigit.settings.environment import KNOWN_VARIABLES
from mmdigit.transport.urls import open_store
from schemas.prediction import Prediction
from tests.factories import make_dead_letter, make_prediction

Shown = Callable[..., tuple[int, list[object], str]]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KNOWN_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def empty_redis(redis_url: str) -> str:
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    return redis_url


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=pytest.mark.docker)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'store.db'}" if request.param == "sqlite" else request.getfixturevalue("empty_redis")
    with open_store(url) as store:
        store.put([make_prediction(number) for number in range(5)])
        store.put_dead_letters([make_dead_letter(7)])
    with open_store(url, as_json=True) as store:
        store.put([make_prediction(5)])
    return str(url)


@pytest.fixture
def shown(url: str, capsys: pytest.CaptureFixture[str]) -> Shown:
    def run(*words: str) -> tuple[int, list[object], str]:
        code = cli.main(["show", *words, "--store", url])
        captured = capsys.readouterr()
        return code, [json.loads(line) for line in captured.out.splitlines()], captured.err

    return run


@pytest.mark.parametrize("number", [3, 5])
def test_show_job_prints_json_from_either_stored_encoding(shown: Shown, number: int) -> None:
    code, [line], error = shown(f"job-{number}")
    assert (code, error) == (0, "")
    assert Prediction.model_validate_json(json.dumps(line)) == make_prediction(number)


def test_show_job_prints_the_reason_of_a_dead_letter(shown: Shown) -> None:
    assert shown("job-7") == (0, [{"job_id": "job-7", "dead_letter_reason": "invalid_image"}], "")


def test_show_job_without_an_outcome_exits_with_1(shown: Shown) -> None:
    code, lines, error = shown("job-8")
    assert (code, lines) == (1, [])
    assert error.startswith("mmdigit: error: expected the outcome of job job-8, got none; ")


def test_show_group_without_an_outcome_exits_with_1(shown: Shown) -> None:
    code, lines, error = shown("--group", "nope")
    assert (code, lines) == (1, [])
    assert error.startswith("mmdigit: error: expected outcomes of group nope, got none; ")
    assert error.count("\n") == 1


def test_show_asks_for_a_missing_store(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["show", "x"]) == 2
    assert capsys.readouterr().err == (
        "mmdigit: error: expected --store, got none; for example --store redis://localhost:6379/0 "
        "(see mmdigit show --help)\n"
    )


def test_show_group_prints_its_counts(shown: Shown) -> None:
    assert shown("--group", "g") == (0, [{"group": "g", "done": 6, "dead": 1}], "")


def test_show_feed_prints_the_newest_with_the_oldest_first(shown: Shown) -> None:
    code, lines, _ = shown("--feed", "2")
    assert (code, [line["job_id"] for line in lines]) == (0, ["job-4", "job-5"])  # type: ignore[index]
    assert len(shown("--feed", "100")[1]) == 6


def test_newest_reads_all_pages_of_the_feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmdigit.commands.show._PAGE", 4)
    with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        assert newest(store, 3) == []
        store.put([make_prediction(number) for number in range(8)])
        assert [prediction.job_id for prediction in newest(store, 3)] == ["job-5", "job-6", "job-7"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "expected one of JOB, --group and --feed"),
        (["a", "--group", "b"], "expected one of JOB, --group and --feed"),
        (["../a"], "job: "),
        (["--feed", "0"], "feed: "),
    ],
)
def test_show_reports_mistakes_in_one_line(shown: Shown, words: list[str], message: str) -> None:
    code, lines, error = shown(*words)
    assert (code, lines) == (2, [])
    assert message in error
    assert error.count("\n") == 1


def test_show_does_not_create_a_missing_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "none.db"
    assert cli.main(["show", "a", "--store", f"sqlite:///{path}"]) == 2
    assert f"expected a store in the file {path}, got no file" in capsys.readouterr().err
    assert not path.exists()


def test_show_escapes_control_characters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with open_store(url) as store:
        store.put([make_prediction().model_copy(update={"model_version": "\x9b2J\u202e"})])
    assert cli.main(["show", "job-0", "--store", url]) == 0
    out = capsys.readouterr().out
    assert out.isascii()
    assert out[:-1].isprintable()

"""`mmdigit show` on real stores: a job, a dead letter, a group, the feed's end, and what is not there."""

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
def test_a_job_is_its_prediction_as_json_however_it_is_stored(shown: Shown, number: int) -> None:
    code, [line], said = shown(f"job-{number}")
    assert (code, said) == (0, "")
    assert Prediction.model_validate_json(json.dumps(line)) == make_prediction(number)


def test_a_dead_letter_is_its_reason(shown: Shown) -> None:
    assert shown("job-7") == (0, [{"job_id": "job-7", "dead_letter_reason": "invalid_image"}], "")


def test_a_job_without_an_outcome_is_exit_code_1(shown: Shown) -> None:
    code, lines, said = shown("job-8")
    assert (code, lines) == (1, [])
    assert said.startswith("mmdigit: error: expected the outcome of job job-8, got none; ")


def test_a_group_without_an_outcome_is_exit_code_1(shown: Shown) -> None:
    code, lines, said = shown("--group", "nope")
    assert (code, lines) == (1, [])
    assert said.startswith("mmdigit: error: expected outcomes of group nope, got none; ")
    assert said.count("\n") == 1


def test_a_store_that_is_not_named_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["show", "x"]) == 2
    assert capsys.readouterr().err == (
        "mmdigit: error: expected --store, got none; for example --store redis://localhost:6379/0 "
        "(see mmdigit show --help)\n"
    )


def test_a_group_is_its_counts(shown: Shown) -> None:
    assert shown("--group", "g") == (0, [{"group": "g", "done": 6, "dead": 1}], "")


def test_the_feed_is_its_newest_oldest_first(shown: Shown) -> None:
    code, lines, _ = shown("--feed", "2")
    assert (code, [line["job_id"] for line in lines]) == (0, ["job-4", "job-5"])  # type: ignore[index]
    assert len(shown("--feed", "100")[1]) == 6


def test_a_feed_of_several_pages_is_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmdigit.commands.show._PAGE", 4)
    with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        assert newest(store, 3) == []
        store.put([make_prediction(number) for number in range(8)])
        assert [prediction.job_id for prediction in newest(store, 3)] == ["job-5", "job-6", "job-7"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give one of JOB, --group and --feed"),
        (["a", "--group", "b"], "give one of JOB, --group and --feed"),
        (["../a"], "job: "),
        (["--feed", "0"], "feed: "),
    ],
)
def test_mistakes_are_one_line(shown: Shown, words: list[str], message: str) -> None:
    code, lines, said = shown(*words)
    assert (code, lines) == (2, [])
    assert message in said
    assert said.count("\n") == 1


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "none.db"
    assert cli.main(["show", "a", "--store", f"sqlite:///{path}"]) == 2
    assert f"expected a store in the file {path}, got none" in capsys.readouterr().err
    assert not path.exists()


def test_what_a_terminal_would_act_on_is_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with open_store(url) as store:
        store.put([make_prediction().model_copy(update={"model_version": "\x9b2J\u202e"})])
    assert cli.main(["show", "job-0", "--store", url]) == 0
    out = capsys.readouterr().out
    assert out.isascii()
    assert out[:-1].isprintable()

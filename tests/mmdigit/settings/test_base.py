"""Behaviour of every program: variables, one-line errors, exit codes, no secrets in output."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, ClassVar

import pytest
from pydantic import Field

import schemas.errors
from mmdigit.cli import COMMANDS
from mmdigit.commands.form.export import FormExportSettings
from mmdigit.forms.worker.settings import PageWorkerSettings
from mmdigit.gateway.settings import GatewaySettings
from mmdigit.settings.base import ProgramSettings
from mmdigit.settings.environment import ENV_PREFIX, KNOWN_VARIABLES
from mmdigit.settings.program import run_program
from producer.settings import ProducerSettings
from schemas.errors import InvalidImage, MmdigitError, SettingsError, StoreError, TopicError
from worker.replay.settings import ReplaySettings
from worker.settings import WorkerSettings
from worker.shadow.settings import ShadowSettings

ROOT = Path(__file__).parents[3]
PROGRAMS: list[type[ProgramSettings]] = [
    WorkerSettings,
    ReplaySettings,
    ShadowSettings,
    ProducerSettings,
    PageWorkerSettings,
    GatewaySettings,
    *COMMANDS.values(),
]
FOR_TESTS = {"MMDIGIT_REQUIRE_DOCKER", "MMDIGIT_REQUIRE_TERRAFORM"}
OF_THE_CLIENT = {"MMDIGIT_TOKEN", "MMDIGIT_TOKEN_FILE"}


class FakeSettings(ProgramSettings):
    """A program."""

    prog: ClassVar[str] = "python -m fake"

    store_url: Annotated[str, Field(validation_alias="store")]
    count: Annotated[int, Field(ge=1, description="how many")] = 3


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KNOWN_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def variables_of(program: type[ProgramSettings]) -> set[str]:
    return {ENV_PREFIX + str(field.validation_alias or name).upper() for name, field in program.model_fields.items()}


def test_known_variables_match_the_programs() -> None:
    assert (FOR_TESTS | OF_THE_CLIENT).union(*map(variables_of, PROGRAMS)) == KNOWN_VARIABLES


@pytest.mark.parametrize("program", PROGRAMS)
def test_settings_have_descriptions(program: type[ProgramSettings]) -> None:
    assert [name for name, field in program.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_required_settings_have_examples(program: type[ProgramSettings]) -> None:
    assert [name for name, field in program.model_fields.items() if field.is_required() and not field.examples] == []


def test_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program("fake", fake_main, ["--version"]) == 0  # type: ignore[arg-type]
    assert capsys.readouterr().out == f"fake {schemas.VERSION}\n"


def test_load_prefers_flags_to_variables_to_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMDIGIT_STORE", "from the environment")
    assert FakeSettings.load([]).store_url == "from the environment"
    assert FakeSettings.load(["--store", "from a flag"]).store_url == "from a flag"
    monkeypatch.setenv("MMDIGIT_COUNT", "5")
    assert FakeSettings.load([]).count == 5
    assert FakeSettings.load(["--count", "7"]).count == 7


def fake_main(argv: list[str]) -> int:
    return FakeSettings.load(argv).count


@pytest.mark.parametrize(
    ("environment", "argv", "message"),
    [
        ({}, [], "expected --store, got none (see"),
        (
            {"MMDIGIT_STOER": "x"},
            ["--store", "x"],
            "expected known MMDIGIT_ variables, got MMDIGIT_STOER; see docs/operate/settings.md",
        ),
        ({"MMDIGIT_STORE_URL": "x"}, [], "expected known MMDIGIT_ variables, got MMDIGIT_STORE_URL"),
        ({"MMDIGIT_COUNT": "hunter2"}, ["--store", "x"], "count: Input should be a valid integer"),
        ({}, ["--store", "x", "--count", "0"], "count: Input should be greater than or equal to 1"),
    ],
)
def test_invalid_settings_exit_with_one_line_and_code_2(
    environment: dict[str, str],
    argv: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert run_program("fake", fake_main, argv) == 2  # type: ignore[arg-type]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fake: error: ")
    assert message in line
    assert "hunter2" not in line


@pytest.mark.parametrize("argv", [["--unknown"], ["--store"], ["position"]])
def test_unknown_flag_exits_with_code_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        FakeSettings.load(argv)
    assert caught.value.code == 2
    assert "usage: python -m fake" in capsys.readouterr().err


def test_help_exits_with_code_0(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        FakeSettings.load(["--help"])
    assert caught.value.code == 0
    assert "how many" in capsys.readouterr().out


def test_settings_are_frozen() -> None:
    settings = FakeSettings.load(["--store", "x"])
    with pytest.raises(ValueError, match="frozen"):
        settings.count = 4  # type: ignore[misc]


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (TopicError("no topic\nof that name"), 2, "fake: error: no topic of that name\n"),
        (StoreError("away"), 3, "fake: error: away\n"),
        (InvalidImage("bad"), 1, "fake: error: bad\n"),
        (KeyboardInterrupt(), 130, "fake: interrupted\n"),
    ],
)
def test_run_program_maps_errors_to_exit_codes(
    raised: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def main(argv: object) -> int:
        raise raised

    assert run_program("fake", main, []) == code
    assert capsys.readouterr().err == said


def test_run_program_does_not_hide_unexpected_errors() -> None:
    def main(argv: object) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_program("fake", main, [])


def test_error_tree_docstring_is_complete() -> None:
    def below(error: type[MmdigitError]) -> set[str]:
        return {error.__name__}.union(*map(below, error.__subclasses__()))

    defined = {name for name, value in vars(schemas.errors).items() if isinstance(value, type)}
    drawn = {word for word in (schemas.errors.__doc__ or "").replace("`", " ").split() if word in defined}
    assert below(MmdigitError) & defined == defined == drawn


@pytest.mark.parametrize("module", ["producer", "worker"])
def test_programs_start_as_modules(module: str) -> None:
    ran = subprocess.run([sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert f"usage: python -m {module}" in ran.stdout


def test_run_program_survives_a_closed_pipe() -> None:
    program = "from mmdigit.settings.program import run_program; import sys; "
    program += "sys.exit(run_program('p', lambda _: [print('x' * 100, flush=True) for _ in range(10000)] and 0))"
    command = f'{sys.executable} -c "{program}" | head -c 1'
    done = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("x", "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("flush", [True, False])
def test_run_program_names_a_full_disk(flush: bool) -> None:
    program = f"from mmdigit.settings.program import run_program; run_program('p', lambda _: print(1, flush={flush}))"
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program], check=False, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.stderr == "p: error: expected to write the output, got No space left on device; free disk space\n"


@pytest.mark.parametrize("flag", ["--store", "--stoer"])
def test_load_rejects_a_password_in_a_flag(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    url = "redis://user:s3cret@host/0"
    for argv in ([flag, url], [f"{flag}={url}"], [flag, url, "--count", "many"]):
        with pytest.raises(SettingsError, match="no password on the command line") as caught:
            FakeSettings.load(argv)
        assert "s3cret" not in str(caught.value) + capsys.readouterr().err


def test_refusal_of_a_password_names_the_flags_of_its_files() -> None:
    with pytest.raises(SettingsError, match="parameters; give it in --forms-password-file, or put the URL in its"):
        FormExportSettings.load(["--forms", "postgresql://user:s3cret@host/forms"])


def test_settings_repr_hides_urls() -> None:
    worker = WorkerSettings.load(["--from", "kafka://a/b", "--store", "s3cret", "--dead-letters", "s3cret"])
    producer = ProducerSettings.load(["--from", "x", "--to", "s3cret", "--store", "s3cret"])
    assert "s3cret" not in f"{worker!r} {worker} {producer!r} {producer}"


def test_run_program_escapes_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_: object) -> int:
        raise StoreError("a\x1b[2J\nb")

    assert run_program("p", fail, []) == 3
    assert capsys.readouterr().err == "p: error: a\\x1b[2J b\n"

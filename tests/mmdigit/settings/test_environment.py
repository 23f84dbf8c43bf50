"""Environment variables of other programs: harmful ones are rejected, and none is shown."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from samples.running import RunningWorker

ROOT = Path(__file__).parents[3]
SQLITE = "sqlite:///{folder}/queue.db"
PROGRAMS = {
    "worker": ["--from", SQLITE, "--store", SQLITE, "--metrics-port", "0", "--exit-when-idle-s", "0.1"],
    "worker replay": ["--from", f"{SQLITE}?topic=jobs.dead", "--to", SQLITE],
    "worker shadow": ["--from", SQLITE, "--store", SQLITE],
    "producer": ["--from", "samples/pack/manifest.csv", "--to", SQLITE, "--journal-dir", "{folder}"],
}


def run(program: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    module, *command = program.split()
    words = [word.format(folder=folder) for word in PROGRAMS[program]]
    return subprocess.run(
        [sys.executable, "-m", module, *command, *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("folder", ["missing", "a file", ""])
def test_multiprocess_metrics_folder_is_rejected(program: str, folder: str, tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    place = str(tmp_path / folder) if folder else ""
    done = run(program, tmp_path, PROMETHEUS_MULTIPROC_DIR=place)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "expected no variable PROMETHEUS_MULTIPROC_DIR: " in line
    assert "unset it" in line


def test_multiprocess_metrics_old_name_is_rejected(tmp_path: Path) -> None:
    done = run("worker", tmp_path, prometheus_multiproc_dir=str(tmp_path))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_secrets_from_files_appear_nowhere(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret-of-a-file")
    url = SQLITE.format(folder=tmp_path)
    options = ["--metrics-token-file", str(tmp_path / "token"), "--log-level", "debug"]
    with RunningWorker(url, url, tmp_path / "worker.log", options) as worker:
        worker.wait_until_ready()
        process = Path(f"/proc/{worker.process.pid}")
        shown = [(process / name).read_bytes() for name in ("environ", "cmdline")]
        with pytest.raises(urllib.error.HTTPError, match="401") as refused:
            urllib.request.urlopen(worker.metrics_url, timeout=10)  # noqa: S310  the worker's own address
        with refused.value:
            shown.append(refused.value.read())
        assert worker.stop() == 0
    shown.append((tmp_path / "worker.log").read_bytes())
    assert [place for place, text in enumerate(shown) if b"s3cret" in text] == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_crash_shows_no_secret_of_the_environment(program: str, tmp_path: Path) -> None:
    """An unexpected error prints a traceback with the source lines of every frame and the error's own text."""
    (tmp_path / "sitecustomize.py").write_text(
        "import mmdigit.transport.urls\n"
        "def crash(*arguments, **named): raise ZeroDivisionError(f'{arguments} {named}')\n"
        "mmdigit.transport.urls.open_consumer = mmdigit.transport.urls.open_publisher = crash\n"
    )
    secrets = {
        "MMDIGIT_REDIS_PASSWORD": "s3cret",
        "MMDIGIT_KAFKA_PASSWORD": "s3cret",
        "MMDIGIT_KAFKA_SECURITY": "scram",
        "MMDIGIT_KAFKA_USERNAME": "user",
    }
    done = run(program, tmp_path, PYTHONPATH=f"{tmp_path}:{ROOT}", **secrets)
    assert "ZeroDivisionError" in done.stderr
    assert "password=" in done.stderr
    assert "s3cret" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "variables", [{"PYTHONOPTIMIZE": "2"}, {"PYTHONUTF8": "0", "LC_ALL": "C"}, {"PYTHONDEVMODE": "1"}]
)
@pytest.mark.parametrize("program", ["worker", "producer"])
def test_python_variables_change_no_prediction(variables: dict[str, str], program: str, tmp_path: Path) -> None:
    done = run(program, tmp_path, **variables)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr

"""Variables of the environment that are not ours: what harms is refused in one line, and nothing of them is shown."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SQLITE = "sqlite:///{folder}/queue.db"
PROGRAMS = {
    "worker": ["--from", SQLITE, "--store", SQLITE, "--metrics-port", "0", "--exit-when-idle-s", "0.1"],
    "worker replay": ["--from", f"{SQLITE}?topic=jobs.dead", "--to", SQLITE],
    "worker shadow": ["--from", SQLITE, "--store", SQLITE],
    "producer": ["--from", "samples/pack", "--to", SQLITE, "--journal-dir", "{folder}"],
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
def test_a_folder_of_shared_metrics_is_one_line_and_no_traceback(program: str, folder: str, tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    place = str(tmp_path / folder) if folder else ""
    done = run(program, tmp_path, PROMETHEUS_MULTIPROC_DIR=place)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "expected no variable PROMETHEUS_MULTIPROC_DIR: " in line
    assert "unset it" in line


def test_its_old_name_is_refused_too(tmp_path: Path) -> None:
    done = run("worker", tmp_path, prometheus_multiproc_dir=str(tmp_path))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)

"""The producer as a user runs it, on a SQLite file."""

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from lab.kit.polling import until
from mmdigit.settings.program import run_program
from mmdigit.transport.urls import open_consumer, open_store
from producer.__main__ import main
from schemas.job import Job
from schemas.wire import decode_job
from tests.processes import running
from tests.producer.fakes import prediction_of

ROOT = Path(__file__).parents[2]
URL = "sqlite:///queue.db"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a folder of four samples and a manifest of their labels."""
    for name in os.environ:
        if name.startswith("MMDIGIT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "samples").mkdir()
    rows = ["id,image,audio,label"]
    for number in range(4):
        (tmp_path / "samples" / f"{number}.png").write_bytes(b"png %d" % number)
        rows.append(f"row-{number},samples/{number}.png,,{number}")
    (tmp_path / "pairs.csv").write_text("\n".join(rows))
    return tmp_path


def started(*arguments: str, program: Sequence[str] = ("producer",)) -> AbstractContextManager["subprocess.Popen[str]"]:
    return running(
        [sys.executable, "-m", *program, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def ended(*arguments: str) -> tuple[int, str, str]:
    with started(*arguments) as process:
        stdout, stderr = process.communicate()
    return process.returncode, stdout, stderr


def queued() -> list[Job]:
    with open_consumer(URL, group="test") as consumer:
        return [decode_job(record.value) for record in consumer.poll(1000, timeout_s=1.0)]


def test_second_run_sends_nothing(folder: Path) -> None:
    code, stdout, stderr = ended("--from", "samples", "--to", URL)
    assert (code, stderr) == (0, "jobs 4/4: 4 sent, 4 acknowledged" + stderr.partition("acknowledged")[2])
    assert "4 sent and acknowledged" in stdout
    code, stdout, _ = ended("--from", "samples", "--to", URL)
    assert code == 0
    assert "0 sent and acknowledged" in stdout
    assert "4 resumed" in stdout
    assert "resumed: 4 jobs were acknowledged by an earlier run (journal: " in stdout
    assert [job.image for job in queued()] == [b"png %d" % number for number in range(4)]
    # A deleted queue has nothing to resume.
    for path in folder.glob("queue.db*"):
        path.unlink()
    assert "4 sent and acknowledged" in ended("--from", "samples", "--to", URL)[1]


def test_interrupted_run_resumes(folder: Path) -> None:
    held = ("tests.producer.held_producer", "1", "held", "120")
    with started("--from", "samples", "--to", URL, "--group", "g", program=held) as process:
        until((folder / "held").exists, "one job sent")
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()
    assert process.returncode == 130
    assert "1 of 1 sent jobs were acknowledged; run the same command again to send the rest" in stderr
    assert "Traceback" not in stderr
    code, stdout, _ = ended("--from", "samples", "--to", URL, "--group", "g")
    assert code == 0
    assert "3 sent and acknowledged" in stdout
    assert [job.image for job in queued()] == [b"png %d" % number for number in range(4)]


def run(*arguments: str) -> int:
    return run_program("producer", main, list(arguments))


def test_wait_ends_with_a_table_and_the_accuracy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--from", "pairs.csv", "--to", URL, "--wire", "json") == 0
    jobs = queued()
    assert [job.expected for job in jobs] == [0, 1, 2, 3]
    with open_store(URL) as store:
        store.put([prediction_of(job.job_id, label=job.expected or 5, group=job.group) for job in jobs[:3]])
    waiting = ("--wait", "--store", URL, "--output", "out.csv", "--wait-timeout-s", "0.1")
    assert run("--from", "pairs.csv", "--to", URL, *waiting) == 1
    said = capsys.readouterr()
    assert "3 answered, 0 dead, 1 missing\n" in said.out
    assert "is a worker running?" in said.out
    with open_store(URL) as store:
        store.put([prediction_of(jobs[3].job_id, label=3, group=jobs[3].group)])
    assert run("--from", "pairs.csv", "--to", URL, *waiting) == 0
    said = capsys.readouterr()
    assert "accuracy 75.00%: 3 of 4 answered jobs with a known label" in said.out
    with (folder / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["label"], row["expected"]) for row in rows] == [
        ("row-0", "5", "0"),
        ("row-1", "1", "1"),
        ("row-2", "2", "2"),
        ("row-3", "3", "3"),
    ]


def test_missing_file_is_named_and_the_rest_is_sent(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "samples" / "2.png").unlink()
    assert run("--from", "pairs.csv", "--to", URL) == 1
    said = capsys.readouterr()
    assert "row-2: cannot read image samples/2.png: No such file or directory\n" in said.err
    assert "3 sent and acknowledged" in said.out
    assert "1 unsendable" in said.out
    assert len(queued()) == 3


def test_left_out_files_are_named_and_the_rest_is_sent(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "samples" / "in").mkdir()
    (folder / "samples" / "in" / "7.png").write_bytes(b"png 7")
    (folder / "samples" / "8.xyz").write_bytes(b"?")
    (folder / "samples" / "1.wav").write_bytes(b"wav")
    assert run("--from", "samples", "--to", URL) == 0
    said = capsys.readouterr()
    assert "producer: warning: samples: left out files of other kinds: 8.xyz\n" in said.err
    assert "producer: warning: samples: left out folders inside it (--recursive reads them): in\n" in said.err
    assert "producer: warning: samples: 3 of 4 samples have no audio beside their image: 0, 2, 3\n" in said.err
    assert "4 sent and acknowledged" in said.out
    assert "left out: 2 files or folders (named on standard error)\n" in said.out
    assert run("--from", "samples", "--to", URL, "--recursive") == 0
    said = capsys.readouterr()
    assert "1 sent and acknowledged" in said.out  # the others were sent before
    assert "left out: 1 file or folder (named on standard error)\n" in said.out


def test_folder_without_readable_files_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (folder / "samples").iterdir():
        path.write_bytes(b"")
    assert run("--from", "samples", "--to", URL) == 1
    assert "0 sent and acknowledged" in capsys.readouterr().out
    for path in (folder / "samples").iterdir():
        path.rename(path.with_suffix(".xyz"))
    assert run("--from", "samples", "--to", URL) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "got none; left out files of other kinds: 0.xyz, 1.xyz, 2.xyz, 3.xyz" in line


def test_id_is_escaped_for_terminals_and_spreadsheets(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "pairs.csv").write_bytes(
        b'id,image\n"\x1b]0;owned\x07",samples/0.png\n"=1+1",samples/1.png\n"\x1b[2J",samples/gone.png\n'
    )
    assert run("--from", "pairs.csv", "--to", URL) == 1
    with open_store(URL) as store:
        store.put([prediction_of(job.job_id, group=job.group) for job in queued()])
    waiting = ("--wait", "--store", URL, "--output", "out\x1b[1m.csv", "--wait-timeout-s", "0.1")
    assert run("--from", "pairs.csv", "--to", URL, *waiting) == 1
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err
    content = (folder / "out\x1b[1m.csv").read_text()
    assert [row["id"] for row in csv.DictReader(content.splitlines())] == [r"\x1b]0;owned\x07", "'=1+1"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--from", "nowhere", "--to", URL], 2, "expected a CSV manifest or a folder at nowhere"),
        (["--from", "samples", "--to", "carrier://pigeon"], 2, "expected a topic URL"),
        (["--from", "samples", "--to", "sqlite:///nowhere/queue.db"], 2, "existing folder"),
        pytest.param(
            ["--from", "samples", "--to", "sqlite:////proc/version"],
            3,
            "/proc/version",
            marks=pytest.mark.skipif(not Path("/proc/version").exists(), reason="needs a file that no one can write"),
        ),
        (["--from", "samples", "--to", URL, "--journal-dir", "pairs.csv"], 2, "--journal-dir"),
        (
            ["--from", "samples", "--to", URL, "--wait", "--store", URL, "--output", "no/out.csv"],
            2,
            "create the folder",
        ),
        (["--from", "samples", "--to", URL, "--wait", "--store", URL, "--output", "samples"], 2, "got a folder"),
        (["--from", "samples", "--to", URL, "--wait", "--store", URL, "--output", "/dev/zero"], 2, "got a device"),
        (["--from", "samples", "--to", "sqlite:///samples"], 2, "expected a file"),
        (["--from", "samples", "--to", "sqlite:////dev/zero"], 2, "got a device"),
        (["--from", "samples", "--to", URL, "--wait", "--store", "carrier://pigeon"], 2, "prediction store"),
    ],
)
def test_start_error_is_one_line(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("producer: error: ")
    assert message in line
    assert not Path("out.csv").exists()


def test_manifest_is_checked_before_anything_is_sent(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (folder / "pairs.csv").open("a") as file:
        file.write("\nrow-0,samples/0.png,,0\n")
    assert run("--from", "pairs.csv", "--to", URL) == 2
    assert "pairs.csv lines 2 and 6, column id: expected each id once, got row-0 twice" in capsys.readouterr().err
    assert not (folder / "queue.db").exists()

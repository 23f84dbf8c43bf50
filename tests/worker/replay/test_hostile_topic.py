"""A topic of dead letters that holds hostile records: a replay sends what it can, and its report is bounded."""

import subprocess
import sys
from pathlib import Path

import confluent_kafka
import pytest

from mmdigit.settings.program import run_program
from mmdigit.transport.kafka.batches import MAX_BATCH_BYTES
from mmdigit.transport.urls import dead_letter_url
from schemas.dead_letter import MAX_TIMES_DEAD
from schemas.wire import encode
from tests.schemas.test_wire import HOSTILE
from tests.worker.replay.dead_letters import letter, publish
from worker.replay.command import MAX_REASONS, MAX_WARNINGS, replay

ROOT = Path(__file__).parents[3]


def lines_of(capfd: pytest.CaptureFixture[str]) -> list[str]:
    said = capfd.readouterr()
    lines = (said.out + said.err).splitlines()
    assert [line for line in lines if not line.isprintable() or len(line) > 500] == []
    return lines


def row(name: str, lines: list[str]) -> list[int]:
    """The numbers of one row: sent, refused, too large, not selected, unreadable."""
    [found] = [line.split()[1:] for line in lines if line.split()[:1] == [name]]
    return [int(cell) for cell in found]


def test_replay_names_and_skips_unreadable_records(jobs_url: str, capfd: pytest.CaptureFixture[str]) -> None:
    good = letter(1, key=b"\x1b[2J" * 1000, error="\x1b[2J\u202e")
    strange = [
        encode(good, "json").replace(b'"version":1', b'"version":9'),
        encode(good, "json").replace(b'"reason":"invalid_image"', b'"reason":"\\u001b[2J\\n"'),
        encode(good, "json").replace(b'"times_dead":1', b'"times_dead":-1'),
        encode(good, "json")[:-1] + b',"\\u001b]0;title\\u0007":1,"\\u001b]0;title\\u0007":2}',
        encode(good, "msgpack")[:-1],
    ]
    hostile = [*(value for value in HOSTILE.values() if value), *strange]
    publish(jobs_url, *hostile, good, letter(2, times_dead=MAX_TIMES_DEAD))
    code = run_program("replay", replay, ["--from", dead_letter_url(jobs_url), "--to", jobs_url])
    lines = lines_of(capfd)
    assert code == 1
    assert row("total", lines) == [1, 1, 0, 0, len(hostile)]
    assert len([line for line in lines if line.startswith("replay: ")]) == len(hostile)


def test_report_is_bounded_for_any_number_of_reasons(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    letters = "abcdefghij"
    reasons = [f"r_{letters[number // 100]}{letters[number // 10 % 10]}{letters[number % 10]}" for number in range(300)]
    publish(url, *(letter(number, reason) for number, reason in enumerate(reasons)), *[b"\x1b[2J"] * 3000)
    assert run_program("replay", replay, ["--from", dead_letter_url(url), "--to", url]) == 1
    lines = lines_of(capfd)
    assert row("total", lines) == [300, 0, 0, 0, 3000]
    assert row("others", lines)[0] == 300 - MAX_REASONS
    assert len(lines) < MAX_REASONS + MAX_WARNINGS + 10


@pytest.mark.docker
def test_decompression_bomb_ends_a_replay_with_one_line(kafka_topic: object) -> None:
    assert callable(kafka_topic)
    url = str(kafka_topic(1, with_dead_letters=True))
    address, _, topic = dead_letter_url(url).removeprefix("kafka://").partition("/")
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": address, "compression.type": "zstd", "message.max.bytes": 200_000_000}
    )
    producer.produce(topic, bytes(2 * MAX_BATCH_BYTES))
    assert producer.flush(30) == 0
    command = [sys.executable, "-m", "worker", "replay", "--from", dead_letter_url(url), "--to", url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "compression.type=uncompressed" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr

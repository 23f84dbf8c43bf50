"""Producer and worker as processes on one SQLite file: no Docker, no network, no real data."""

import csv
import io
import json
import signal
import subprocess
import sys
import wave
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lab.kit.polling import until
from mmdigit.reading.model_input import decode_input
from mmdigit.reading.predictor import Predictor
from mmdigit.transport.urls import dead_letter_url, open_consumer, open_publisher, open_store
from samples.demo import PACK
from samples.running import RunningWorker
from schemas.dead_letter import DeadLetter
from schemas.job import Job
from schemas.wire import decode_dead_letter, encode

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def run_producer(folder: Path, url: str, source: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "producer", "--from", source, "--to", url, "--group", "g"),
            *("--journal-dir", str(folder), "--wait", "--store", url, "--output", str(folder / "out.csv"), *options),
        ],
        check=False,
        capture_output=True,
        text=True,
    )


def test_worker_answers_the_sample_pack_as_offline(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    with RunningWorker(url, url, tmp_path / "worker.log") as worker:
        worker.wait_until_ready()
        produced = run_producer(tmp_path, url, str(PACK))
        assert produced.returncode == 0, produced.stderr
        assert worker.scrape().value("mmdigit_latency_seconds_count") == 1000
        assert worker.stop() == 0
    with (tmp_path / "out.csv").open(newline="") as file:
        answers = {row["id"]: row for row in csv.DictReader(file)}
    with PACK.open(newline="") as file:
        asked = list(csv.DictReader(file))
    assert set(answers) == {row["id"] for row in asked}
    predictor = Predictor.load()
    for row in asked[::20]:
        image, audio = ((PACK.parent / row[name]).read_bytes() if row[name] else None for name in ("image", "audio"))
        [offline] = predictor.predict([decode_input(image, audio)])
        online = answers[row["id"]]
        assert (online["label"], online["decision"]) == (str(offline.label), offline.decision)
        assert float(online["confidence"]) == pytest.approx(offline.confidence, abs=1e-5)
    with open_consumer(url, group="mmdigit") as consumer:
        assert consumer.poll(10, 0.0) == []  # everything is committed


def silent_wav(seconds: float, claimed_bytes: int | None = None) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as clip:
        clip.setnchannels(1)
        clip.setsampwidth(2)
        clip.setframerate(8000)
        clip.writeframes(bytes(2 * round(8000 * seconds)))
    data = buffer.getvalue()
    return data if claimed_bytes is None else data[:40] + claimed_bytes.to_bytes(4, "little") + data[44:]


def float_wav(samples: list[float]) -> bytes:
    body = np.array(samples, "<f4").tobytes()
    head = b"WAVEfmt " + (16).to_bytes(4, "little") + bytes([3, 0, 1, 0]) + (8000).to_bytes(4, "little")
    head += (32000).to_bytes(4, "little") + bytes([4, 0, 32, 0]) + b"data" + len(body).to_bytes(4, "little")
    return b"RIFF" + (len(head) + len(body)).to_bytes(4, "little") + head + body


def png_bomb() -> bytes:
    buffer = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(buffer, "PNG")
    return buffer.getvalue()


def bad_records() -> dict[str, tuple[bytes, str]]:
    """Name -> (record, the expected reason of its dead letter)."""
    good_image = Image.new("L", (28, 28), 255)
    buffer = io.BytesIO()
    good_image.save(buffer, "PNG")

    def job(**fields: bytes | None) -> bytes:
        return encode(Job(job_id="bad", group="bad", created_at=NOW, **fields), "msgpack")

    def plain(**fields: object) -> bytes:
        return json.dumps({"version": 1, "job_id": "bad", "created_at": NOW.isoformat(), **fields}).encode()

    return {
        "empty": (b"", "invalid_record"),
        "truncated": (plain(image="AAAA")[:-5], "invalid_record"),
        "base64": (plain(image="!!!not base64!!!"), "invalid_record"),
        "version": (plain(version=99, image="AAAA"), "unknown_version"),
        "neither": (plain(), "invalid_record"),
        "bomb": (job(image=png_bomb()), "invalid_image"),
        "claims-4-gib": (job(audio=silent_wav(0.5, claimed_bytes=2**32 - 1)), "invalid_audio"),
        "nan": (job(audio=float_wav([0.1, float("nan")] * 2000)), "invalid_audio"),
        "infinite": (job(audio=float_wav([0.1, float("inf")] * 2000)), "invalid_audio"),
        "silence": (job(audio=silent_wav(0.5)), "invalid_audio"),
        "zero-length": (job(audio=silent_wav(0.0)), "invalid_audio"),
        "no-audio-bytes": (job(audio=b""), "invalid_audio"),
        "10-mb": (plain(image="A" * 10_000_000), "record_too_large"),
    }


def test_bad_input_is_dead_lettered_in_constant_memory(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    bad = bad_records()
    image, clip = next((PACK.parent / "images").iterdir()), next((PACK.parent / "audio").iterdir())
    good = [
        Job(job_id=f"good-{n}", group="good", image=image.read_bytes(), audio=clip.read_bytes(), created_at=NOW)
        for n in range(len(bad))
    ]
    with RunningWorker(url, url, tmp_path / "worker.log", ["--batch-wait-s", "0.2"]) as worker:
        worker.wait_until_ready()
        rss_before = worker.scrape().value("process_resident_memory_bytes")
        with open_publisher(url) as publisher:
            for _ in range(3):
                for (name, (value, _reason)), mate in zip(bad.items(), good, strict=True):
                    publisher.send(name.encode(), value)
                    publisher.send(None, encode(mate, "json"))
            publisher.flush(30)
        with open_consumer(dead_letter_url(url), group="test") as consumer:
            letters: list[DeadLetter] = []
            while len(letters) < 3 * len(bad):
                letters += [decode_dead_letter(record.value) for record in consumer.poll(100, 1.0)]
        scraped = worker.scrape()
        assert worker.stop() == 0
    for letter in letters:
        assert letter.key is not None
        value, reason = bad[letter.key.decode()]
        assert (letter.original, letter.reason) == (value, reason), letter.error
        assert letter.source.topic == "jobs"
    with open_store(url) as store:
        answers = store.get([job.job_id for job in good])
        assert store.counts("good").done == len(good)
        assert store.counts("bad").dead <= 1  # they share one job id
    [alone] = Predictor.load().predict([decode_input(good[0].image, good[0].audio)])
    for answer in answers:
        assert answer is not None
        assert answer.label == alone.label
        assert answer.confidence == pytest.approx(alone.confidence, abs=1e-5)
    assert scraped.value("process_resident_memory_bytes") - rss_before < 150e6


def test_sigterm_finishes_and_commits_the_current_batch(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    with RunningWorker(url, url, tmp_path / "worker.log", ["--batch-wait-s", "60"]) as worker:
        worker.wait_until_ready()
        with open_publisher(url) as publisher:
            publisher.send(None, encode(Job(job_id="j", image=bytes(784), created_at=NOW), "json"))
            publisher.flush(10)
        until(lambda: worker.scrape().value("mmdigit_in_flight_jobs"), "a job in flight")
        worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait() == 0
    with open_store(url) as store:
        assert store.get(["j"]) != [None]
    with open_consumer(url, group="mmdigit") as consumer:
        assert consumer.poll(1, 0.0) == []


def test_killed_worker_costs_no_job(tmp_path: Path) -> None:
    """What it had read and not committed is read again by the next one."""
    url, count = f"sqlite:///{tmp_path / 'queue.db'}", 2000
    job_ids = [f"j{number}" for number in range(count)]
    with open_publisher(url) as publisher:
        for job_id in job_ids:
            publisher.send(None, encode(Job(job_id=job_id, image=bytes(784), created_at=NOW, group="g"), "msgpack"))
        publisher.flush(30)
    with open_store(url) as store:
        with RunningWorker(url, url, tmp_path / "killed.log", ["--batch-size", "16"]) as worker:
            until(lambda: store.counts("g").done > 0, "the first answers")
            worker.process.kill()
            assert worker.process.wait() == -signal.SIGKILL
        answered = store.counts("g").done
        assert 0 < answered < count
        with RunningWorker(url, url, tmp_path / "next.log") as worker:
            until(lambda: store.counts("g").done >= count, "all answers")
            assert worker.stop() == 0
        assert store.counts("g").done == count
        assert None not in store.get(job_ids)
    with open_consumer(url, group="mmdigit") as consumer:
        assert consumer.poll(10, 0.0) == []


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--from", "http://x", "--store", "sqlite:///{tmp}/q.db"], 2, "expected a topic URL"),
        (["--from", "sqlite:///{tmp}/q.db", "--store", "ftp://x"], 2, "expected a prediction store URL"),
        (["--from", "kafka://127.0.0.1:1/jobs", "--store", "sqlite:///{tmp}/q.db"], 3, "127.0.0.1:1"),
        (["--from", "sqlite:///{tmp}/q.db", "--store", "redis://127.0.0.1:1/0"], 3, "127.0.0.1:1"),
        (
            ["--from", "sqlite:///{tmp}/q.db", "--store", "sqlite:///{tmp}/q.db", "--weights", "{tmp}/no.onnx"],
            2,
            "no.onnx",
        ),
        (["--from", "sqlite:///{tmp}/absent/q.db", "--store", "sqlite:///{tmp}/q.db"], 2, "absent"),
    ],
    ids=["topic-url", "store-url", "broker", "redis", "weights", "folder"],
)
def test_wrong_start_is_one_line(tmp_path: Path, options: list[str], code: int, message: str) -> None:
    options = [option.format(tmp=tmp_path) for option in options]
    program = "import runpy; from mmdigit.transport.kafka import client; client.BOOTSTRAP_TIMEOUT_S = 0.5\n"
    program += "runpy.run_module('worker', run_name='__main__', alter_sys=True)"
    worker = subprocess.run(
        [sys.executable, "-c", program, "--metrics-port", "0", *options], check=False, capture_output=True, text=True
    )
    last = worker.stderr.strip().splitlines()[-1]
    assert worker.returncode == code, worker.stderr
    assert last.startswith("python -m worker: error: ")
    assert message in last
    assert "Traceback" not in worker.stderr


def test_second_worker_on_the_same_file_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    with RunningWorker(url, url, tmp_path / "worker.log") as worker:
        worker.wait_until_ready()
        second = subprocess.run(
            [sys.executable, "-m", "worker", "--from", url, "--store", url, "--metrics-port", "0"],
            check=False,
            capture_output=True,
            text=True,
        )
    assert second.returncode == 2
    assert "consumer" in second.stderr.strip().splitlines()[-1]

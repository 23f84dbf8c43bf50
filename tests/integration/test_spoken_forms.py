"""Pages with recordings through real Kafka, Redis and PostgreSQL, the page worker killed midway: the same values as
`mmdigit form read --recordings` gives, nothing lost, nothing doubled.

SPOKEN_PAGES pages, by default 16: `make spoken-stack` takes 100. Digits and voices are real ones where MMDIGIT_DATA is
set, else those of the sample pack and the prompts.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import redis
from PIL import Image
from pydantic import SecretStr

from lab.benchmarks.forms.degrading import degrade
from lab.benchmarks.forms.filling import fill
from lab.benchmarks.strings.joining import Condition, join
from lab.benchmarks.strings.people import Speaker, speakers_of
from lab.kit.polling import until
from lab.kit.services import POSTGRES_PASSWORD
from mmdigit.forms.pages.page import ScannedPage
from mmdigit.forms.reading.form_reader import FormReader
from mmdigit.forms.spoken.recordings import Recordings
from mmdigit.forms.store.ports import StoredPage, StoredValue
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.numbers.prompts import spoken_wav
from mmdigit.reading.audio.wav_writing import wav_of
from mmdigit.reading.predictor import Predictor
from mmdigit.training.data.splits import Digits, load_clips, load_digits
from mmdigit.transport.urls import open_consumer, open_store
from samples.running import RunningConsumer, RunningWorker
from tests.conftest import KafkaTopic
from tests.integration.scanned import scanned_pages
from tests.mmdigit.forms.written import SPOKEN, SPOKEN_FORM, paper, sample_digits
from tests.processes import Start

PAGES = int(os.environ.get("SPOKEN_PAGES", "16"))
PAGES_A_FILE = 5
DATA = Path(os.environ["MMDIGIT_DATA"]) if "MMDIGIT_DATA" in os.environ else None
WHOLE, SLIP, DAMAGED, MISSING = 3, 4, 5, 6  # of each seven forms: what is special about their recordings
HEARD_SHARE = 0.6  # of the spoken fields, at least

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900 + 30 * PAGES)]


@cache
def digits() -> Digits:
    return sample_digits() if DATA is None else load_digits(DATA, "validation")


@cache
def speakers() -> tuple[Speaker, ...]:
    if DATA is None:
        return ()
    return tuple(speakers_of([clip for clip in load_clips(DATA, "validation") if clip.source == "fsdd"]))


def said(text: str, chance: np.random.Generator) -> bytes:
    """A recording of these digits by one person, with pauses of 100 ms."""
    if not speakers():
        return spoken_wav(text)
    able = [each for each in speakers() if {int(digit) for digit in text} <= each.clips.keys()]
    clips = able[int(chance.integers(len(able)))].clips
    labels = [int(digit) for digit in text]
    chosen = [clips[label][int(chance.integers(len(clips[label])))] for label in labels]
    return wav_of(join(chosen, labels, Condition(100), chance).waveform)


def save_page(number: int, recordings: Path) -> Image.Image:
    """Form number `number` as it is scanned; saves the recordings of its spoken fields."""
    chance = np.random.default_rng((20261129, number))
    filled = fill(paper(SPOKEN, serial=number), SPOKEN, digits(), chance)
    written = {slot.name: text for slot, text in zip(filled.slots, filled.written, strict=True) if text}
    texts = {
        slot.name: written[slot.name] for slot in filled.slots if slot.field.spoken != "no" and slot.name in written
    }
    kind = number % 7
    if kind == WHOLE:
        (recordings / f"{number}.wav").write_bytes(said("".join(texts.values()), chance) if texts else b"")
    elif kind != MISSING:
        for name, text in texts.items():
            slip = kind == SLIP and name == "member"
            content = said(str((int(text[0]) + 1) % 10) + text[1:] if slip else text, chance)
            damaged = kind == DAMAGED and name == "member"
            (recordings / f"{number}.{name}.wav").write_bytes(content[:70] if damaged else content)
    return Image.fromarray(degrade(filled.pixels, SPOKEN.size_mm, "scan", chance).pixels)


def save_all(scans: Path, recordings: Path) -> None:
    scans.mkdir()
    recordings.mkdir()
    for start in range(1, PAGES + 1, PAGES_A_FILE):
        first, *more = [save_page(number, recordings) for number in range(start, min(start + PAGES_A_FILE, PAGES + 1))]
        first.save(scans / f"{start:04d}.tif", save_all=True, append_images=more, resolution=200)
        paper.cache_clear()


@dataclass(frozen=True)
class Alone:
    """A page as one process reads it."""

    page: StoredPage
    values: tuple[StoredValue, ...]


def read_alone(scans: Path, recordings: Path) -> Iterator[Alone]:
    """Every page as `mmdigit form read` reads it, undisturbed."""
    reader = FormReader(SPOKEN, Predictor.load(), recordings=Recordings(recordings))
    for origin, scanned in scanned_pages(scans):
        assert isinstance(scanned, ScannedPage)
        yield Alone(*reader.keep(scanned, origin))


def assert_same(values: Sequence[StoredValue], alone: Sequence[StoredValue]) -> None:
    """But for the chance, by float rounding: a job's batch is another one."""
    assert [replace(value, chance=None) for value in values] == [replace(value, chance=None) for value in alone]
    assert [value.chance for value in values] == [pytest.approx(value.chance, abs=1e-4) for value in alone]


def test_killed_page_worker_costs_no_spoken_field(
    tmp_path: Path,
    kafka_topic: KafkaTopic,
    redis_url: str,
    postgres_url: str,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    redis.Redis.from_url(redis_url).flushdb()
    monkeypatch.setenv("MMDIGIT_FORMS_PASSWORD", POSTGRES_PASSWORD)
    pages_url, jobs_url = (kafka_topic(4, with_dead_letters=True) for _ in range(2))
    scans, recordings, template = (tmp_path / name for name in ("scans", "recordings", "form.yaml"))
    template.write_bytes(SPOKEN_FORM)
    save_all(scans, recordings)
    page_worker = [
        *(sys.executable, "-m", "mmdigit.forms", "worker", "--from", pages_url, "--jobs", jobs_url),
        *("--forms", postgres_url, "--template", str(template)),
    ]
    form = (sys.executable, "-m", "mmdigit", "form")
    send = [
        *(*form, "send", str(scans), "--to", pages_url, "--template", str(template), "--recordings", str(recordings)),
        *("--journal-dir", str(tmp_path)),
    ]
    collect = [
        *(*form, "collect", "--template", str(template), "--forms", postgres_url, "--store", redis_url),
        *("--expect", str(PAGES), "--wait-timeout-s", str(600 + 20 * PAGES)),
    ]
    with ExitStack() as running:
        store = running.enter_context(open_store(redis_url))
        forms = running.enter_context(open_page_store(postgres_url, SecretStr(POSTGRES_PASSWORD)))
        doomed = running.enter_context(RunningConsumer(page_worker, tmp_path / "pages-0.log"))
        worker = running.enter_context(RunningWorker(jobs_url, redis_url, tmp_path / "jobs.log"))
        doomed.wait_until_assigned()
        worker.wait_until_assigned()
        sender = start(send, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        until(
            lambda: forms.counts(SPOKEN.digest).pages >= PAGES // 3, "a third of the pages", timeout_s=600 + 8 * PAGES
        )
        doomed.process.kill()
        doomed.process.wait()
        assert forms.counts(SPOKEN.digest).pages < PAGES
        heir = running.enter_context(RunningConsumer(page_worker, tmp_path / "pages-1.log"))
        said_by_sender, complaints = sender.communicate()
        assert (sender.returncode, complaints) == (0, complaints), complaints
        assert said_by_sender.startswith(f"{PAGES} pages of")
        done = subprocess.run(collect, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert (heir.stop(), worker.stop()) == (0, 0)

        alone = {each.page.group: each for each in read_alone(scans, recordings)}
        kept = {page.group: (page, records) for page, records in forms.pages(SPOKEN.digest)}
        assert kept.keys() == alone.keys()
        assert len(kept) == PAGES
        heard = 0
        for group, (page, records) in kept.items():
            mine = alone[group]
            assert (page.state, page.serial) == (mine.page.state, mine.page.serial)
            assert_same([record.value for record in records], mine.values)
            for name, field in mine.page.heard.items():
                assert forms.sound(group, name) == mine.page.sounds.get(field.sound or "")
                heard += field.reason is None
        reasons = [reason for each in alone.values() for value in each.values for reason in value.reasons]
        assert {"conflict", "not_heard", "not_spoken"} <= set(reasons)
        assert heard >= HEARD_SHARE * sum(len(each.page.heard) for each in alone.values()) > 0

        jobs = {cell.job_id for each in alone.values() for field in each.page.fields for cell in field.cells}
        feed = [prediction.job_id for _, prediction in store.feed(limit=3 * len(jobs))]
        assert len(feed) == len(set(feed))  # once each
        assert set(feed) == jobs - {None}
        assert sum(prediction.audio is not None for _, prediction in store.feed(limit=3 * len(jobs))) > PAGES
    for url in (f"{pages_url}.dead", f"{jobs_url}.dead"):
        with open_consumer(url, group="test") as consumer:
            assert [consumer.poll(1, 1.0) for _ in range(3)] == [[]] * 3
    for url, group in ((pages_url, "mmdigit-pages"), (jobs_url, "mmdigit")):
        with open_consumer(url, group=group) as consumer:
            assert [consumer.poll(1, 1.0) for _ in range(5)] == [[]] * 5  # everything is committed
            assert len(consumer.assignment()) == 4

"""PublishRun sends each job once, waits for every acknowledgement, and resumes after an interruption."""

import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdigit.sending.destination import Destination
from mmdigit.sending.journal import Journal
from producer.publish import PublishResult, PublishRun
from producer.roster import Roster
from producer.sources.sample import Sample, Unreadable
from schemas.errors import InvalidRecord, TransportError
from schemas.wire import Wire
from tests.producer.fakes import EPOCH, FakeProgress, FakePublisher, FakeSource, FakeTime, samples

TOPIC = Destination("kafka://broker:9092/jobs", is_new=False)


class Run:
    """One run of the producer on a folder of journals."""

    def __init__(self, folder: Path, publisher: FakePublisher, time: FakeTime | None = None) -> None:
        self.folder = folder
        self.publisher = publisher
        self.time = time or FakeTime()
        self.progress = FakeProgress()
        self.entered: list[str] = []

    def __call__(self, source: FakeSource, wire: Wire = "msgpack", rate: float | None = None) -> PublishResult:
        with Roster() as roster, Journal.open(self.folder, TOPIC, source.group) as journal:
            publishing = PublishRun(self.publisher, journal, roster, self.progress, self.time.clock, source.group)
            published = publishing.run(source, wire, rate)
            self.entered = [entry.sample_id for chunk in roster.chunks(7) for entry in chunk]
        return published


@pytest.mark.parametrize("wire", ["json", "msgpack"])
@pytest.mark.parametrize("acknowledges_at_once", [True, False])
def test_run_sends_each_job_once(tmp_path: Path, wire: Wire, acknowledges_at_once: bool) -> None:
    run = Run(tmp_path, FakePublisher(acknowledges_at_once))
    assert run(FakeSource(samples(2500)), wire) == PublishResult(2500, 0, 0, 0.0)
    jobs = run.publisher.jobs
    assert [(job.image, job.expected, job.group) for job in jobs] == [
        (sample.image, sample.label, "fake") for sample in samples(2500)
    ]
    assert run.publisher.keys == [job.job_id.encode() for job in jobs]
    assert len({job.job_id for job in jobs}) == 2500
    assert run.entered == [sample.sample_id for sample in samples(2500)]
    assert run.progress.updates[-1] == (2500, "2500 sent, 2500 acknowledged")


def test_second_run_sends_nothing(tmp_path: Path) -> None:
    Run(tmp_path, FakePublisher())(FakeSource(samples(10)))
    again = Run(tmp_path, FakePublisher())
    assert again(FakeSource(samples(10))) == PublishResult(0, 10, 0, 0.0)
    assert again.publisher.values == []
    assert len(again.entered) == 10


def test_second_run_sends_new_and_changed_rows(tmp_path: Path) -> None:
    Run(tmp_path, FakePublisher())(FakeSource(samples(3)))
    changed = [*samples(4)]
    changed[1] = Sample("sample-1", b"redrawn", None, 1)
    again = Run(tmp_path, FakePublisher())
    assert again(FakeSource(changed)) == PublishResult(2, 2, 0, 0.0)
    assert [job.image for job in again.publisher.jobs] == [b"redrawn", b"image 3"]


@given(st.data())
def test_second_run_sends_the_rest_after_any_interruption(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 30), "jobs")
    source = FakeSource(samples(count))
    acknowledged: list[bytes | None] = []
    sent: list[bytes | None] = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(data.draw(st.integers(1, 4), "interruptions")):
            publisher = FakePublisher(
                acknowledges_at_once=data.draw(st.booleans(), "acknowledges at once"),
                takes=data.draw(st.none() | st.integers(0, count), "takes"),
                interrupts_after=data.draw(st.none() | st.integers(0, count), "interrupts after"),
                acknowledges_only=data.draw(st.none() | st.integers(0, count), "acknowledges only"),
            )
            run = Run(Path(folder), publisher)
            try:
                run(source)
            except (KeyboardInterrupt, TransportError):
                assert "run the same command again to send the rest" in run.progress.lines[-1]
            assert not set(publisher.keys) & set(acknowledged)
            acknowledged += publisher.keys[: publisher.acknowledged]
            sent += publisher.keys
        last = Run(Path(folder), FakePublisher())
        assert last(source).sent == count - len(acknowledged)
    delivered = acknowledged + last.publisher.keys
    assert len(delivered) == len(set(delivered)) == count
    assert set(sent) <= set(delivered)


def test_run_names_an_unsendable_sample_and_sends_the_rest(tmp_path: Path) -> None:
    publisher = FakePublisher(refuses=lambda job: job.image == b"image 1")
    run = Run(tmp_path, publisher)
    assert run(FakeSource([*samples(2), Unreadable("line 7\x1b", "is empty"), *samples(3)[2:]])) == PublishResult(
        2, 0, 2, 0.0
    )
    assert run.progress.lines == ["sample-1: the topic takes no such record", "line 7\\x1b: is empty"]
    assert run.entered == ["sample-0", "sample-2"]


def test_run_survives_a_record_that_the_broker_refuses_late(tmp_path: Path) -> None:
    class LateRefusal(FakePublisher):
        def flush(self, timeout_s: float) -> None:
            if self.acknowledged == 0:
                self._unacknowledged.pop(1)
                self._acknowledge()
                raise InvalidRecord("larger than the topic takes")

    run = Run(tmp_path, LateRefusal())
    assert run(FakeSource(samples(3))) == PublishResult(2, 0, 1, 0.0)
    assert run.progress.lines == ["1 jobs were refused: larger than the topic takes"]


def test_missing_acknowledgement_is_an_error(tmp_path: Path) -> None:
    class Forgetful(FakePublisher):
        def flush(self, timeout_s: float) -> None: ...

    with pytest.raises(TransportError, match="expected 3 acknowledged jobs, got 0"):
        Run(tmp_path, Forgetful())(FakeSource(samples(3)))


def test_journal_is_written_while_sending(tmp_path: Path) -> None:
    time = FakeTime()
    run = Run(tmp_path, FakePublisher(acknowledges_at_once=True), time)
    lines = []
    time.on_sleep = lambda: lines.append(next(tmp_path.iterdir()).read_bytes().count(b"\n"))
    run(FakeSource(samples(4)), rate=0.5)
    assert lines == [1, 3, 4]  # the header and every job sent so far


def test_created_at_of_a_late_job_is_when_it_was_due(tmp_path: Path) -> None:
    class Slow(FakePublisher):
        def send(self, *args: object) -> None:
            super().send(*args)  # type: ignore[arg-type]
            time.now_s += 5.0 if len(self.values) == 1 else 0.0

    time = FakeTime()
    run = Run(tmp_path, Slow(), time)
    run(FakeSource(samples(7)), rate=1.0)
    assert [job.created_at for job in run.publisher.jobs] == [EPOCH + timedelta(seconds=due) for due in range(7)]
    assert time.slept_s == [1.0]

"""The loop on fakes: what it stores, dead-letters and commits, and in which order."""

import logging
from collections.abc import Sequence
from dataclasses import replace

import pytest

from mmdigit.reading.batch_decoding import CHUNK_SIZE, decode_batch
from mmdigit.reading.image.decode import read_image
from mmdigit.reading.image.pixels import Grey
from mmdigit.reading.model_input import ModelInput
from schemas.errors import SettingsError, TooManyDeadLetters, TransportError
from schemas.prediction import Prediction
from tests.schemas.samples import TRACEPARENT
from tests.worker import fakes
from tests.worker.fakes import P0, P1, Bench, FakeConsumer, FakeModel, image_bytes, job_value, record


def test_run_once_stores_a_batch_and_then_commits() -> None:
    bench = Bench(FakeConsumer([record(7, job_value("a")), record(8, job_value("b")), record(3, job_value("c"), P1)]))
    bench.worker.run_once()
    assert sorted(bench.store.predictions) == ["a", "b", "c"]
    stored = bench.store.predictions["c"]
    assert (stored.source.partition, stored.source.offset, stored.group) == (1, 3, "g")
    assert stored.timings.batch_size == 3
    assert bench.consumer.commits == [{P0: 9, P1: 4}]
    assert bench.model.batches == [3]


def test_run_once_commits_nothing_before_the_store_answers() -> None:
    bench = Bench(FakeConsumer([record(0, job_value("a"))]))
    bench.store.failing = 3
    bench.worker.run_once()
    assert bench.store.puts == 4
    assert bench.consumer.keep_alives == 3  # stays in the group
    assert bench.consumer.commits == [{P0: 1}]
    assert bench.model.batches == [1]  # predicted only once
    assert bench.count("mmdigit_retries_total", stage="store") == 3
    assert bench.worker.waiting_for == ""


def test_stop_during_a_store_outage_commits_nothing() -> None:
    bench = Bench(FakeConsumer([record(0, job_value("a"))]))
    bench.store.failing = 10**6
    bench.consumer.before_poll = bench.worker.stop
    bench.worker.run()
    assert bench.consumer.commits == []
    assert bench.store.predictions == {}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "invalid_record"),
        (b'{"version": 1, "job_id": "x"', "invalid_record"),
        (b'{"version": 9, "job_id": "x", "image": "AAAA", "created_at": "2026-01-01T00:00:00Z"}', "unknown_version"),
        (b"\xff" * 50, "invalid_record"),
        (b"{" * (6 * 1024 * 1024 + 1), "record_too_large"),
        (job_value("x", image=b"\x89PNG\r\n\x1a\nrubbish"), "invalid_image"),
        (job_value("x", image=fakes.png(10_000, 10_000)), "invalid_image"),
    ],
    ids=["empty", "truncated", "version", "rubbish", "oversized", "broken-image", "bomb"],
)
def test_invalid_record_alone_is_dead_lettered(value: bytes, reason: str) -> None:
    bench = Bench(FakeConsumer([record(0, job_value("a")), record(1, value), record(2, job_value("b"))]))
    bench.worker.run_once()
    assert sorted(bench.store.predictions) == ["a", "b"]
    [letter] = bench.publisher.letters
    assert (letter.reason, letter.original) == (reason, value)
    assert (letter.source.topic, letter.source.partition, letter.source.offset) == ("jobs", 0, 1)
    assert bench.store.dead_notes == [letter]
    assert bench.consumer.commits == [{P0: 3}]
    assert bench.count("mmdigit_dead_letters_total", reason=reason) == 1
    assert bench.count("mmdigit_jobs_total", outcome="dead_letter") == 1


def test_unexpected_decoder_error_dead_letters_one_job(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(data: bytes) -> tuple[Grey, bool | None]:
        if data == b"strange":
            raise ZeroDivisionError("division by zero")
        return read_image(data)

    monkeypatch.setattr("mmdigit.reading.batch_decoding.read_image", read)
    bench = Bench(FakeConsumer([record(0, job_value("a")), record(1, job_value("x", b"strange"))]))
    bench.worker.run_once()
    assert list(bench.store.predictions) == ["a"]
    [letter] = bench.publisher.letters
    assert (letter.reason, letter.error) == ("decoder_failed", "ZeroDivisionError: division by zero")
    assert bench.consumer.commits == [{P0: 2}]


@pytest.mark.parametrize("call", ["lag", "waiting_for"])
def test_failure_after_a_poll_commits_no_polled_record(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(FakeConsumer([record(n, job_value(f"j{n}")) for n in range(3)]))
    bench.consumer.next_polled = {P0: 3}

    def fail() -> None:
        raise TransportError("broker away")

    monkeypatch.setattr(bench.consumer, call, fail)
    with pytest.raises(TransportError):
        bench.worker.run()
    assert bench.consumer.commits == []


def test_failure_inside_a_poll_commits_no_position() -> None:
    bench = Bench(FakeConsumer([record(0, job_value("j0"))]))
    bench.consumer.next_polled = {P0: 1}

    def fail() -> None:
        raise MemoryError

    bench.consumer.before_poll = fail
    with pytest.raises(MemoryError):
        bench.worker.run()
    assert bench.consumer.commits == []


def test_job_that_fails_the_model_is_isolated() -> None:
    poison = 255
    values = [job_value(f"j{n}", image_bytes(poison if n == 5 else 200 + n)) for n in range(8)]
    bench = Bench(FakeConsumer([record(n, value) for n, value in enumerate(values)]), model=FakeModel(poison))
    bench.worker.run_once()
    assert {int(job_id[1:]): p.label for job_id, p in bench.store.predictions.items()} == {
        n: n for n in range(8) if n != 5
    }
    [letter] = bench.publisher.letters
    assert (letter.reason, letter.job_id, letter.group) == ("model_rejected", "j5", "g")
    assert bench.consumer.commits == [{P0: 8}]


def test_broken_model_is_retried_and_rejects_nothing() -> None:
    bench = Bench(FakeConsumer([record(0, job_value("a")), record(1, job_value("b"))]))
    bench.model.broken = 7
    bench.worker.run_once()
    assert bench.publisher.letters == []
    assert sorted(bench.store.predictions) == ["a", "b"]
    assert bench.consumer.commits == [{P0: 2}]
    assert bench.count("mmdigit_retries_total", stage="predict") > 0


def test_dead_letters_are_resent_until_acknowledged() -> None:
    bench = Bench(FakeConsumer([record(0, b"x"), record(1, b"y"), record(2, b"z")]))
    bench.publisher.lose = 2
    bench.worker.run_once()
    assert sorted(letter.original for letter in bench.publisher.letters) == [b"x", b"y", b"z"]
    assert bench.consumer.commits == [{P0: 3}]
    assert bench.count("mmdigit_retries_total", stage="dead_letter") == 1


def test_dead_letter_that_is_too_large_stops_the_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(FakeConsumer([record(0, b"x")]))

    def refuse(*_: object) -> None:
        from schemas.errors import RecordTooLarge

        raise RecordTooLarge("expected at most 1 byte")

    monkeypatch.setattr(bench.publisher, "send", refuse)
    with pytest.raises(SettingsError, match="dead-letter topic that takes larger records"):
        bench.worker.run_once()
    assert bench.consumer.commits == []


def test_commit_under_load_waits_until_it_is_due() -> None:
    jobs = [record(number, job_value(str(number))) for number in range(4)]
    bench = Bench(FakeConsumer(jobs), options={"batch_size": 1, "commit_every_s": 0.1})
    for turn_s in (0.04, 0.04):
        bench.clock.now_s += turn_s
        bench.worker.run_once()
    assert (len(bench.store.predictions), bench.consumer.commits) == (2, [])
    bench.clock.now_s += 0.04
    bench.worker.run_once()
    assert bench.consumer.commits == [{P0: 3}]
    bench.worker.run_once()
    assert bench.consumer.commits == [{P0: 3}]  # the next one is not due yet


def test_commit_on_idle_and_on_exit_is_immediate() -> None:
    options: dict[str, object] = {"batch_size": 1, "commit_every_s": 60}
    idle = Bench(FakeConsumer([record(0, job_value("a"))]), options=options)
    idle.worker.run_once()
    assert idle.consumer.commits == []
    idle.worker.run_once()
    assert idle.consumer.commits == [{P0: 1}]
    ending = Bench(FakeConsumer([record(0, job_value("a"))]), options=options)
    ending.worker.run_once()
    ending.worker.stop()
    ending.worker.run()
    assert ending.consumer.commits == [{P0: 1}]


def test_commit_that_fails_is_included_in_the_next_one() -> None:
    bench = Bench(FakeConsumer([record(0, job_value("a"))]))
    bench.consumer.failing_commits = 1
    bench.worker.run_once()
    assert bench.consumer.commits == []
    bench.worker.run_once()  # an idle turn
    assert bench.consumer.commits == [{P0: 1}]


def test_stop_during_a_store_outage_commits_earlier_batches() -> None:
    jobs = [record(0, job_value("a")), record(1, job_value("b"))]
    bench = Bench(FakeConsumer(jobs), options={"batch_size": 1, "commit_every_s": 60})
    bench.worker.run_once()
    bench.store.failing = 10**6
    bench.consumer.before_poll = bench.worker.stop
    bench.worker.run()
    assert bench.consumer.commits == [{P0: 1}]


def test_commit_on_exit_retries_through_a_rebalance() -> None:
    bench = Bench(FakeConsumer([record(0, job_value("a"))]), options={"commit_every_s": 60})
    bench.worker.run_once()
    bench.consumer.failing_commits = 2
    bench.worker.stop()
    bench.worker.run()
    assert bench.consumer.commits == [{P0: 1}]
    assert bench.consumer.keep_alives == 2


def test_run_ends_even_if_the_last_commit_never_works(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(FakeConsumer([record(0, job_value("a"))]), options={"commit_every_s": 60})
    bench.worker.run_once()
    bench.consumer.failing_commits = 10**6
    bench.worker.stop()
    bench.worker.run()
    assert bench.consumer.commits == []
    assert "the last commit failed" in caplog.text


def test_breaker_stops_the_worker_before_writing_the_batch() -> None:
    jobs = [record(0, job_value("good")), *(record(n, b"bad") for n in range(1, 7))]
    bench = Bench(FakeConsumer(jobs), options={"batch_size": 2, "breaker_in_a_row": 4, "commit_every_s": 60})
    with pytest.raises(TooManyDeadLetters, match=r"4 dead letters in a row, the last for invalid_record"):
        bench.worker.run()
    assert [letter.source.offset for letter in bench.publisher.letters] == [1, 2, 3]
    assert bench.consumer.commits == [{P0: 4}]
    assert bench.count("mmdigit_dead_letters_in_a_row") == 4


def test_dead_letter_counts_the_attempts_of_its_job() -> None:
    poison = 255
    bench = Bench(FakeConsumer([record(0, job_value("j", image_bytes(poison)))]), model=FakeModel(poison))
    bench.model.broken = 2  # the first attempt and the probe
    bench.worker.run_once()
    [letter] = bench.publisher.letters
    assert (letter.reason, letter.attempts) == ("model_rejected", 2)


@pytest.mark.parametrize("value", [b"undecodable", job_value("x", b"no image")], ids=["record", "image"])
def test_decoder_dead_letter_ignores_attempts_of_the_model(value: bytes) -> None:
    bench = Bench(FakeConsumer([record(0, value), record(1, job_value("j"))]))
    bench.model.broken = 4
    bench.worker.run_once()
    [letter] = bench.publisher.letters
    assert bench.count("mmdigit_retries_total", stage="predict") > 0
    assert letter.attempts == 1


def test_decoder_dead_letter_counts_its_own_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    memory_is_short = iter([True, True, False])

    def read(contents: Sequence[tuple[bytes | None, bytes | None]]) -> list[ModelInput | Exception]:
        if next(memory_is_short):
            return [MemoryError() for _ in contents]
        return decode_batch(contents)

    monkeypatch.setattr("worker.decoding.decode_batch", read)
    bench = Bench(FakeConsumer([record(0, b"undecodable"), record(1, job_value("j"))]))
    bench.model.broken = 2
    bench.worker.run_once()
    [letter] = bench.publisher.letters
    assert (letter.reason, letter.attempts) == ("invalid_record", 3)


def test_dead_letter_log_line_names_its_trace(caplog: pytest.LogCaptureFixture) -> None:
    headers = {"traceparent": TRACEPARENT.encode()}
    bench = Bench(FakeConsumer([replace(record(0, b"x"), headers=headers), record(1, b"y")]))
    bench.worker.run_once()
    lines = [vars(line) for line in caplog.records if line.getMessage() == "dead letter"]
    assert [line.get("traceparent") for line in lines] == [TRACEPARENT, None]


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\xff" * 4096,
        b"00-" + b"0" * 32 + b"-b7ad6b7169203331-01",
        b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n",
        b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-\x1b[2J",
        b"\x1b[2J-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        b"-" * 4096,
    ],
)
def test_hostile_traceparent_changes_nothing(header: bytes, caplog: pytest.LogCaptureFixture) -> None:
    jobs = [record(0, job_value("a")), record(1, b"x")]
    bench = Bench(FakeConsumer([replace(job, headers={"traceparent": header}) for job in jobs]))
    bench.worker.run_once()
    assert bench.store.predictions["a"].trace_id is None
    assert [letter.traceparent for letter in bench.publisher.letters] == [None]
    assert "traceparent" not in str([vars(line) for line in caplog.records])


def test_waiting_for_names_a_silent_broker_until_it_answers() -> None:
    bench = Bench()
    bench.consumer.silent = "poll: no heartbeat answered"
    bench.worker.run_once()
    assert bench.worker.waiting_for == "poll: no heartbeat answered"
    bench.consumer.silent = ""
    bench.worker.run_once()
    assert bench.worker.waiting_for == ""


def test_poll_resumes_when_the_broker_is_back() -> None:
    bench = Bench(FakeConsumer([record(0, job_value("a"))]))
    bench.consumer.failing_polls = 2
    bench.worker.run_once()
    assert bench.consumer.commits == [{P0: 1}]
    assert bench.count("mmdigit_retries_total", stage="poll") == 2


def test_revoked_records_are_neither_stored_nor_committed() -> None:
    bench = Bench(
        FakeConsumer([record(0, job_value("mine")), record(4, job_value("theirs"), P1)]), options={"batch_wait_s": 1.0}
    )
    bench.worker.run_once()
    assert bench.store.predictions == {}  # waits for more
    bench.consumer.before_poll = lambda: bench.revoke(P1)
    bench.clock.now_s += 1.0
    bench.worker.run_once()
    assert list(bench.store.predictions) == ["mine"]
    assert bench.consumer.commits == [{P0: 1}]
    assert bench.worker.assigned == {P0}
    assert bench.count("mmdigit_assigned_partitions") == 1
    assert bench.count("mmdigit_rebalances_total", event="revoked") == 1


def test_partition_revoked_in_a_store_outage_is_not_committed() -> None:
    bench = Bench(FakeConsumer([record(0, job_value("a")), record(4, job_value("b"), P1)]))
    bench.store.failing = 1
    bench.consumer.in_keep_alive = lambda: bench.revoke(P1)
    bench.worker.run_once()
    assert bench.consumer.commits == [{P0: 1}]


def test_revoked_partition_commits_stored_jobs_as_it_goes() -> None:
    jobs = [record(0, job_value("a")), record(4, job_value("b"), P1)]
    bench = Bench(FakeConsumer(jobs), options={"commit_every_s": 60})
    bench.worker.run_once()
    assert (sorted(bench.store.predictions), bench.consumer.commits) == (["a", "b"], [])
    assert bench.revoke(P1) == {P1: 5}
    bench.worker.run_once()
    assert bench.consumer.commits == [{P0: 1}]


def test_record_revoked_during_decoding_is_not_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries = []

    def read(data: bytes) -> tuple[Grey, bool | None]:
        tries.append(data)
        if len(tries) == 2:
            raise MemoryError
        return read_image(data)

    monkeypatch.setattr("mmdigit.reading.batch_decoding.read_image", read)
    jobs = [record(0, job_value("a")), record(4, job_value("b"), P1), record(1, job_value("c"))]
    bench = Bench(FakeConsumer(jobs))
    bench.consumer.in_keep_alive = lambda: bench.revoke(P1)
    bench.worker.run_once()
    assert sorted(bench.store.predictions) == ["a", "c"]
    assert bench.publisher.letters == []
    assert bench.consumer.commits == [{P0: 2}]
    assert bench.count("mmdigit_retries_total", stage="decode") == 1


def test_batch_waits_until_its_oldest_job_is_due() -> None:
    bench = Bench(FakeConsumer([record(0, job_value("a"))]), options={"batch_wait_s": 0.5})
    bench.worker.run_once()
    bench.clock.now_s += 0.4
    bench.consumer.queue.append(record(1, job_value("b")))
    bench.worker.run_once()
    assert bench.model.batches == []
    bench.clock.now_s += 0.1
    bench.worker.run_once()
    assert bench.model.batches == [2]
    assert bench.store.predictions["a"].timings.wait_s == pytest.approx(0.5)
    assert bench.store.predictions["b"].timings.wait_s == pytest.approx(0.1)


def test_full_batch_does_not_wait() -> None:
    records = [record(n, job_value(f"j{n}")) for n in range(5)]
    bench = Bench(FakeConsumer(records), options={"batch_wait_s": 60.0, "batch_size": 2})
    bench.worker.run_once()
    bench.worker.run_once()
    assert bench.model.batches == [2, 2]
    assert bench.count("mmdigit_lag_records", topic="jobs", partition="0") == 1


def test_stop_finishes_the_open_batch() -> None:
    bench = Bench(FakeConsumer([record(0, job_value("a"))]), options={"batch_wait_s": 60.0})
    bench.worker.run_once()
    bench.worker.stop()
    bench.worker.run()
    assert list(bench.store.predictions) == ["a"]
    assert bench.consumer.commits == [{P0: 1}]


def test_run_ends_after_exit_when_idle_s() -> None:
    bench = Bench(FakeConsumer([record(0, job_value("a"))]), options={"exit_when_idle_s": 5.0})

    def pass_time() -> None:
        bench.clock.now_s += 1.0

    bench.consumer.before_poll = pass_time
    bench.worker.run()
    assert list(bench.store.predictions) == ["a"]
    assert bench.clock.now_s == 106.0


def test_idle_time_excludes_work_and_outages() -> None:
    records = [record(n, job_value(f"j{n}")) for n in range(3)]
    bench = Bench(FakeConsumer(records), options={"exit_when_idle_s": 5.0, "batch_size": 1})
    put = bench.store.put

    def put_slowly(predictions: Sequence[Prediction]) -> None:
        bench.clock.now_s += 60.0
        put(predictions)

    def pass_time() -> None:
        bench.clock.now_s += 1.0

    bench.store.put = put_slowly  # type: ignore[method-assign]
    bench.store.failing = 1
    bench.consumer.before_poll = pass_time
    bench.worker.run()
    assert sorted(bench.store.predictions) == ["j0", "j1", "j2"]


def test_since_turn_s_restarts_while_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [record(n, job_value(f"j{n}")) for n in range(2 * CHUNK_SIZE + 1)]
    bench = Bench(FakeConsumer(records), options={"batch_wait_s": 60.0, "batch_size": len(records)})
    silences = []

    def read_slowly(pairs: Sequence[tuple[bytes | None, bytes | None]]) -> list[ModelInput | Exception]:
        silences.append(bench.worker.since_turn_s)
        bench.clock.now_s += 10.0
        return decode_batch(pairs)

    monkeypatch.setattr("worker.decoding.decode_batch", read_slowly)
    bench.worker.run_once()
    assert silences == [0.0, 0.0, 0.0]


def test_dead_letter_log_line_has_the_source_but_no_bytes(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(FakeConsumer([record(5, b"secret payload")]))
    with caplog.at_level(logging.WARNING):
        bench.worker.run_once()
    [line] = caplog.records
    assert (vars(line)["offset"], vars(line)["reason"]) == (5, "invalid_record")
    assert "secret payload" not in caplog.text

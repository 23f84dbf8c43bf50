"""The loop when the offsets of a topic begin again, or records are lost."""

from tests.worker.fakes import P0, P1, Bench, FakeConsumer, job_value, record


def restart(bench: Bench) -> None:
    assert bench.consumer.on_restarted is not None
    bench.consumer.on_restarted(frozenset({P0}))


def test_restarted_partition_is_stored_and_not_committed() -> None:
    jobs = [record(126, job_value("old")), record(7, job_value("other"), P1)]
    bench = Bench(FakeConsumer(jobs), options={"batch_wait_s": 1.0})
    bench.worker.run_once()
    restart(bench)
    bench.revoke(P0)  # deleting a topic causes a rebalance
    bench.consumer.queue = [record(126, job_value("new"))]  # the same offset as before
    bench.worker.run_once()
    bench.clock.now_s += 1.0
    bench.worker.run_once()
    assert sorted(bench.store.predictions) == ["new", "old", "other"]
    assert bench.consumer.commits == [{P0: 127, P1: 8}]


def test_restarted_offsets_may_begin_lower() -> None:
    bench = Bench(FakeConsumer([record(126, job_value("old"))]), options={"commit_every_s": 60})
    bench.worker.run_once()
    restart(bench)
    bench.consumer.queue = [record(0, job_value("new"))]
    bench.worker.run_once()
    bench.worker.run_once()
    assert bench.consumer.commits == [{P0: 1}]


def test_restart_ignores_a_pending_commit_of_the_old_topic() -> None:
    bench = Bench(FakeConsumer([record(126, job_value("old"))]))
    bench.consumer.slow_commits = True
    bench.worker.run_once()
    restart(bench)
    bench.consumer.slow_commits = False
    bench.consumer.queue = [record(0, job_value("new"))]
    bench.worker.run_once()
    assert bench.consumer.commits[-1] == {P0: 1}


def test_idle_turn_commits_the_position_past_the_last_record() -> None:
    bench = Bench(FakeConsumer([record(0, job_value("a"))]))
    bench.worker.run_once()
    bench.consumer.next_polled = {P0: 2, P1: 40}
    for _ in range(3):
        bench.worker.run_once()
    assert bench.consumer.commits == [{P0: 1}, {P0: 2, P1: 40}]


def test_lost_records_are_counted_by_cause() -> None:
    bench = Bench()
    assert bench.count("mmdigit_records_expired_total", cause="retention") == 0
    assert bench.consumer.on_records_lost is not None
    bench.consumer.on_records_lost("retention", 150)
    bench.consumer.on_records_lost("truncation", 7)
    assert bench.count("mmdigit_records_expired_total", cause="retention") == 150
    assert bench.count("mmdigit_records_expired_total", cause="truncation") == 7

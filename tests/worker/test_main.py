"""What /healthz and /readyz say over the life of a worker."""

from tests.worker.fakes import P0, P1, Bench
from worker.__main__ import _Health
from worker.health import Status


def test_a_worker_that_starts_is_alive_and_not_ready() -> None:
    health = _Health(stuck_after_s=60)
    assert health.alive().ok
    assert health.ready() == Status(False, "loading the model, or connecting")


def test_readiness_follows_the_partitions_and_the_trouble() -> None:
    bench = Bench()
    health = _Health(stuck_after_s=60)
    health.worker = bench.worker
    assert health.ready() == Status(True, "ready, 2 partitions")
    bench.worker.trouble = "store: expected an answer from Redis"
    assert health.ready() == Status(False, "store: expected an answer from Redis")
    bench.worker.trouble = ""
    assert bench.consumer.on_revoked is not None
    bench.consumer.on_revoked(frozenset({P0, P1}))
    assert health.ready() == Status(False, "no partitions assigned yet")


def test_a_loop_that_does_not_turn_is_found_out() -> None:
    bench = Bench()
    health = _Health(stuck_after_s=60)
    health.worker = bench.worker
    bench.clock.now_s += 61
    assert health.alive() == Status(False, "stuck: the loop has not turned for 61 s")
    bench.worker.run_once()
    assert health.alive().ok
    assert bench.count("mmdigit_since_turn_seconds") == 0

"""What /healthz and /readyz answer over the life of a worker."""

import pytest

from mmdigit.consuming.health import LoopHealth
from mmdigit.telemetry.health import Status
from schemas.errors import SettingsError
from tests.worker.fakes import P0, P1, Bench


def test_starting_worker_is_alive_and_not_ready() -> None:
    health = LoopHealth(stuck_after_s=60)
    assert health.alive().ok
    assert health.ready() == Status(False, "loading the model, or connecting")


def test_ready_follows_partitions_and_waiting_for() -> None:
    bench = Bench()
    health = LoopHealth(stuck_after_s=60)
    health.loop = bench.worker
    assert health.ready() == Status(True, "ready, 2 partitions")
    bench.worker.waiting_for = "store: expected an answer from Redis"
    assert health.ready() == Status(False, "store: expected an answer from Redis")
    bench.worker.waiting_for = ""
    bench.revoke(P0, P1)
    assert health.ready() == Status(False, "no partitions assigned yet")


def test_alive_fails_when_the_loop_is_stuck() -> None:
    bench = Bench()
    health = LoopHealth(stuck_after_s=60)
    health.loop = bench.worker
    bench.clock.now_s += 61
    assert health.alive() == Status(False, "stuck: the loop has not turned for 61 s")
    bench.worker.run_once()
    assert health.alive().ok
    assert bench.count("mmdigit_since_turn_seconds") == 0


def test_alive_fails_after_an_error_ended_the_loop() -> None:
    bench = Bench()
    health = LoopHealth(stuck_after_s=60)
    health.loop = bench.worker

    def fenced() -> None:
        raise SettingsError("fenced")

    bench.consumer.before_poll = fenced
    with pytest.raises(SettingsError):
        bench.worker.run()
    assert health.alive() == (False, "ending: fenced")

"""The benchmarks on real Kafka and Redis, with few jobs: that they count right, not how fast it went."""

import math
from functools import partial
from pathlib import Path

import pytest
import redis

from lab.benchmarks import latency, pipeline
from lab.benchmarks.growth import Point, measure
from lab.kit.observer import PREDICTION_PREFIX, Observer
from lab.kit.open_loop import WINDOWS
from lab.kit.records import read_samples, records
from lab.kit.saturation import Queue, saturation
from lab.kit.stack import running_stack
from schemas.errors import TransportError
from worker.metrics import STAGES

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]
JOBS = 1500  # so many that a busy machine, too, sees the first outcome long before the last


def test_the_observer_knows_of_every_prediction_that_was_set_before_it_was_asked(redis_url: str) -> None:
    with Observer(redis_url) as observer, redis.Redis.from_url(redis_url) as client:
        for number in range(1, 301):
            client.set(f"{PREDICTION_PREFIX}{number}", b"", ex=60)
            assert len(observer.times_s()) == number


def test_latency_is_of_every_job_from_its_intended_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "SATURATION_RUNS", 1)
    monkeypatch.setattr(latency, "LOADS", (0.3, 0.6))
    result = latency.compare(None, JOBS, 0.4)
    assert [load["load"] for load in result["loads"]] == [0.3, 0.6]
    for load in result["loads"]:
        assert load["rate_per_s"] == pytest.approx(load["load"] * result["saturation_jobs_per_s"]["median"])
        assert load["jobs"] == WINDOWS * round(0.4 * load["rate_per_s"])
        assert (load["missing"], load["duplicates"]) == (0, 0)
        assert 0 < load["latency_ms"]["p50"] <= load["latency_ms"]["p99"] <= load["latency_ms"]["max"]
        # Seen only after it was sent; the sender may learn of the broker's acknowledgement later than Redis has it.
        assert load["latency_ms"]["p50"] > load["behind_ms"]["p50"]
        assert not any(math.isnan(value) for value in load["behind_ms"].values())
    assert "60%" in latency._table(result)


@pytest.mark.parametrize("transport", pipeline.TRANSPORTS)
def test_the_pipeline_is_measured_on_each_transport(transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "STARTS", 1)
    found = pipeline.measure_transport(transport, read_samples(None, 100), jobs=JOBS, repetitions=1)
    one = found["one_worker"]
    assert one["jobs"] == {"median": JOBS, "min": JOBS, "max": JOBS}
    assert set(one["cpu_us_per_job_by_stage"]) == {*STAGES, "other threads"} - {"wait"}
    assert set(one["to_model_only"]) == {"model alone, predict", "model alone, logits", "own stage predict"}
    assert one["to_model_only"]["own stage predict"]["median"] > 1
    assert one["jobs_per_s"]["median"] > 0
    assert ("two_workers" in found) == ("start" in found) == (transport == "kafka+redis")
    if "two_workers" in found:
        assert found["two_workers"]["least_backlog_left"]["max"] < JOBS  # of so few jobs one may run dry
        assert found["two_workers"]["jobs"]["min"] > 0
        assert found["start"]["ready_s"]["median"] >= found["start"]["loaded_s"]["median"]


def test_growth_measures_a_point_and_leaves_the_rest_of_its_backlog(tmp_path: Path) -> None:
    point = Point(jobs=400, partitions=3, payload_bytes=10_000, timed=180)
    with running_stack() as stack:
        found = measure(stack, point, read_samples(None, 50, 10_000), tmp_path)
        assert stack.outcomes() < point.jobs
    assert found["partitions"] == 3
    assert found["mean_payload_bytes"] == pytest.approx(10_000, abs=1)
    assert found["decode_us_per_job"] > 0


def test_a_backlog_that_is_done_before_it_is_looked_at_is_an_error(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    queue = Queue(url, url, partial(pipeline._publish, url), partial(pipeline._outcomes, url))
    with pytest.raises(TransportError, match="all 1 are done; send more"):
        saturation(queue, records(read_samples(None, 1), 1, pipeline.GROUP), tmp_path, None)

"""The comparison with other programs: ratios within a round, what came twice or never; one of them on real Kafka."""

from pathlib import Path

import pytest

from lab.benchmarks.peers import duplicates_and_losses, times
from lab.benchmarks.rivals import CONTESTANTS, WORKER, Contestant, running
from lab.kit.records import read_samples, records
from lab.kit.stack import running_stack
from mmdigit.reading.model_input import decode_input
from mmdigit.reading.predictor import Predictor
from schemas.prediction import Answer


def test_ratios_are_formed_within_a_round() -> None:
    worker = [{"jobs_per_s": 1000.0}, {"jobs_per_s": 500.0}]
    assert times(worker, [{"jobs_per_s": 500.0}, {"jobs_per_s": 250.0}]) == [2.0, 2.0]


def test_what_came_twice_and_what_never_came_are_counted_apart() -> None:
    seen_s = {"a": [1.0], "b": [1.0, 2.0, 3.0], "elsewhere": [1.0]}
    assert duplicates_and_losses(seen_s, ["a", "b", "c"]) == {"jobs": 3, "duplicates": 2, "lost": 1}


def test_every_batch_library_takes_part_in_both_ways() -> None:
    ways: dict[str, set[str]] = {}
    for each in CONTESTANTS:
        if each.in_batches and each is not WORKER:
            ways.setdefault(each.program, set()).add(each.decoding)
    assert ways == {program: {"ours", "own"} for program in ("arroyo", "faststream", "quix")}
    assert len({each.name for each in CONTESTANTS}) == len(CONTESTANTS)


@pytest.mark.docker
@pytest.mark.timeout(180)
@pytest.mark.parametrize("decoding", ["ours", "own"])
def test_a_contestant_answers_each_job(decoding: str, tmp_path: Path) -> None:
    samples = read_samples(None, 40)
    both = [sample for sample in samples if sample.image and sample.audio]
    jobs = list(records(both, 40, "benchmark", "msgpack" if decoding == "ours" else "json"))
    with running_stack() as stack:
        place = stack.fresh()
        stack.preload(place, jobs)
        with running(Contestant("first_loop", decoding), place, tmp_path, None) as pid:  # type: ignore[arg-type]
            assert pid > 0
            stack.drain(len(jobs), [pid])
        stored = [stack.redis.get(f"mmdigit:prediction:{job_id}") for job_id, _ in jobs]
    assert None not in stored
    if decoding == "ours":
        predictor = Predictor.load()
        [expected] = predictor.predict([decode_input(both[0].image, both[0].audio)])
        assert Answer.model_validate_json(stored[0]).label == expected.label  # type: ignore[arg-type]

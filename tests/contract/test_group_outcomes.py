"""The contract of PredictionStore.group_outcomes, on every store."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.kit.polling import until
from mmdigit.transport.ports import GroupCounts, Outcome, PredictionStore
from mmdigit.transport.urls import open_store
from schemas.errors import SettingsError
from schemas.prediction import Prediction
from tests.adapters import Store
from tests.factories import make_dead_letter, make_prediction


def pages(store: PredictionStore, group: str = "g", after: str = "", limit: int = 1000) -> Iterator[list[Outcome]]:
    """Page after page to the end."""
    while page := store.group_outcomes(group, after, limit):
        assert len(page) <= limit
        yield page
        after = page[-1].position


def outcomes(store: PredictionStore, group: str = "g", after: str = "", limit: int = 1000) -> list[Outcome]:
    return [outcome for page in pages(store, group, after, limit) for outcome in page]


def job_ids(found: Sequence[Outcome]) -> list[str]:
    return [outcome.job_id for outcome in found]


def in_order(store: Store, found: Sequence[str]) -> Sequence[str]:
    """What the contract says of the order: on a cluster, nothing across buckets."""
    return sorted(found) if store.kind == "redis-cluster" else found


def test_outcomes_are_of_one_group_in_order(store: Store) -> None:
    opened = store.open()
    opened.put(
        [make_prediction(3), make_prediction(1), make_prediction(7, group="other"), make_prediction(8, group=None)]
    )
    opened.put_dead_letters([make_dead_letter(2), make_dead_letter(None), make_dead_letter(9, group=None)])
    opened.put([make_prediction(0)])
    found = opened.group_outcomes("g")
    assert in_order(store, job_ids(found)) == in_order(store, ["job-3", "job-1", "job-2", "job-0"])
    results = {outcome.job_id: outcome.result for outcome in found}
    assert results.pop("job-2") == "invalid_image"
    assert results == {f"job-{number}": make_prediction(number) for number in (0, 1, 3)}
    assert [outcome.result for outcome in opened.group_outcomes("other")] == [make_prediction(7, group="other")]
    assert opened.group_outcomes("nobody") == opened.group_outcomes("") == []


def test_outcomes_continue_after_any_position(store: Store) -> None:
    opened = store.open()
    opened.put([make_prediction(number) for number in range(0, 6)])
    opened.put_dead_letters([make_dead_letter(number) for number in range(6, 9)])
    found = opened.group_outcomes("g")
    assert len(found) == 9
    for number, outcome in enumerate(found):
        assert outcomes(opened, after=outcome.position) == found[number + 1 :]
    opened.put([make_prediction(9)])
    assert job_ids(opened.group_outcomes("g", found[-1].position)) == ["job-9"]


@pytest.mark.parametrize("limit", [1, 2, 7, 200, 300])
def test_outcomes_of_any_limit_are_the_same(store: Store, limit: int) -> None:
    opened = store.open()
    opened.put([make_prediction(number) for number in range(200)])
    assert in_order(store, job_ids(outcomes(opened, limit=limit))) == in_order(
        store, [f"job-{number}" for number in range(200)]
    )


def test_outcomes_of_10000_jobs_come_in_pages(store: Store) -> None:
    opened = store.open()
    # As the producer makes ids, and others.
    wanted = [f"{number:032x}" if number % 2 else f"job-{number}" for number in range(10_000)]
    made = [make_prediction().model_copy(update={"job_id": job_id}) for job_id in wanted]
    for first in range(0, len(made), 500):
        opened.put(made[first : first + 500])
    found = list(pages(opened))
    assert len(found) < 30
    assert in_order(store, [job_id for page in found for job_id in job_ids(page)]) == in_order(store, wanted)


def test_outcomes_show_a_redelivered_job_once_in_place(store: Store) -> None:
    opened = store.open()
    opened.put([make_prediction(number) for number in range(3)])
    before = opened.group_outcomes("g")
    opened.put([make_prediction(0), make_prediction(0), make_prediction(1, label=9)])
    opened.put_dead_letters([make_dead_letter(2)])
    after = opened.group_outcomes("g")
    assert [(each.position, each.job_id) for each in after] == [(each.position, each.job_id) for each in before]
    assert {outcome.job_id: outcome.result for outcome in after}["job-1"] == make_prediction(1, label=9)
    assert opened.counts("g") == GroupCounts(done=3, dead=0)


def test_outcomes_of_a_replayed_job_end_with_its_prediction(store: Store) -> None:
    opened = store.open()
    opened.put_dead_letters([make_dead_letter(1), make_dead_letter(2)])
    opened.put_dead_letters([make_dead_letter(1, reason="model_rejected")])
    followed = opened.group_outcomes("g")
    assert {outcome.job_id: outcome.result for outcome in followed} == {
        "job-1": "model_rejected",
        "job-2": "invalid_image",
    }
    opened.put([make_prediction(1)])
    [(_, job_id, result)] = opened.group_outcomes("g", followed[-1].position)
    assert (job_id, result) == ("job-1", make_prediction(1))
    assert in_order(store, job_ids(opened.group_outcomes("g"))) == in_order(store, ["job-2", "job-1"])


def test_outcomes_never_show_another_groups_job(store: Store) -> None:
    opened = store.open()
    opened.put_dead_letters([make_dead_letter(1), make_dead_letter(2)])
    opened.put([make_prediction(1, group="other"), make_prediction(2, group=None)])
    assert opened.group_outcomes("g") == []
    assert job_ids(opened.group_outcomes("other")) == ["job-1"]


def test_outcomes_never_show_an_id_that_another_group_reused(store: Store) -> None:
    brief, long = store.open(ttl_s=1), store.open()
    brief.put([make_prediction(1)])
    brief.put_dead_letters([make_dead_letter(2)])
    others = [make_prediction(number) for number in range(100, 1100)]
    long.put(others)  # in every bucket of a cluster, so that the group lives on
    until(lambda: long.get(["job-1"]) == [None] == long.dead_letter_reasons(["job-2"]), "an expiry")
    long.put([make_prediction(1, group="other")])
    long.put_dead_letters([make_dead_letter(2, group="other")])
    assert sorted(job_ids(outcomes(long))) == sorted(other.job_id for other in others)
    assert sorted(job_ids(outcomes(long, "other"))) == ["job-1", "job-2"]


def test_outcomes_leave_out_what_expired(store: Store) -> None:
    brief, long = store.open(ttl_s=1), store.open()
    brief.put([make_prediction(number) for number in range(0, 20)])
    brief.put_dead_letters([make_dead_letter(20)])
    long.put([make_prediction(number) for number in range(21, 24)])
    ids = [f"job-{number}" for number in range(21)]
    until(lambda: not any(long.get(ids)) and long.dead_letter_reasons(["job-20"]) == [None], "an expiry")
    for limit in (1, 1000):
        assert in_order(store, job_ids(outcomes(long, limit=limit))) == ["job-21", "job-22", "job-23"]


def test_outcomes_keep_their_position_while_old_ones_expire(store: Store) -> None:
    """The store forgets expired jobs of a group that never ends, and a reader in the middle misses nothing."""
    brief, long = store.open(ttl_s=1), store.open()
    brief.put([make_prediction(number) for number in range(600)])
    ids = [f"job-{number}" for number in range(600)]
    position = ""
    for page in pages(brief, limit=50):
        position = page[-1].position
    assert position
    until(lambda: not any(long.get(ids)), "an expiry")
    wanted = []
    for first in range(600, 2600, 50):
        batch = [make_prediction(number) for number in range(first, first + 50)]
        long.put(batch)
        found = outcomes(long, after=position)
        assert sorted(job_ids(found)) == sorted(prediction.job_id for prediction in batch)
        position = found[-1].position
        wanted += [prediction.job_id for prediction in batch]
    assert sorted(job_ids(outcomes(long))) == sorted(wanted)


def test_outcomes_are_complete_with_concurrent_writers(store: Store) -> None:
    jobs = 600

    def put_all(first: int) -> None:
        with open_store(store.url) as opened:
            for start in range(first, jobs, 60):  # each job by two writers
                opened.put([make_prediction(number % jobs) for number in range(start, start + 40)])
                opened.put_dead_letters([make_dead_letter(start + jobs)])

    threads = [threading.Thread(target=put_all, args=(first,)) for first in (0, 0, 20, 40)]
    opened = store.open()
    for thread in threads:
        thread.start()
    followed: list[str] = []
    position = ""
    while True:
        alive = any(thread.is_alive() for thread in threads)
        for page in pages(opened, after=position, limit=50):
            followed += job_ids(page)
            position = page[-1].position
        if not alive:
            break
    for thread in threads:
        thread.join(60)
    counts = opened.counts("g")
    assert counts.done == jobs
    assert Counter(followed) == Counter(job_ids(outcomes(opened)))
    assert len(followed) == len(set(followed)) == counts.done + counts.dead


@pytest.mark.parametrize("position", ["yesterday", "-1", "1.5", "1,,2", "9" * 40, "\u0663", "0-0", "1\n", " 1", "+1"])
def test_outcomes_refuse_an_invalid_position(store: Store, position: str) -> None:
    with pytest.raises(SettingsError, match="expected a position in this group") as caught:
        store.open().group_outcomes("g", position)
    assert "\n" not in str(caught.value)


def test_outcomes_after_an_unknown_position_are_none(store: Store) -> None:
    opened = store.open()
    opened.put([make_prediction(1)])
    [(position, _, _)] = opened.group_outcomes("g")
    assert opened.group_outcomes("g", ",".join("9" * 18 for _ in position.split(","))) == []


STEP = st.tuples(st.sampled_from(["put", "dead"]), st.lists(st.integers(0, 9), min_size=1, max_size=5))


@given(steps=st.lists(STEP, max_size=12), limit=st.integers(1, 12))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_outcomes_agree_with_get_and_counts(store: Store, steps: list[tuple[str, list[int]]], limit: int) -> None:
    opened = store.open()
    group = f"g{next(GROUPS)}"
    last: dict[str, Prediction | str] = {}
    for kind, numbers in steps:
        for number in numbers:
            job_id = f"{group}.{number}"
            if kind == "put":
                made = make_prediction(number, group=group).model_copy(update={"job_id": job_id})
                if not isinstance(last.get(job_id), Prediction):
                    last.pop(job_id, None)  # moves to the end
                last[job_id] = made
                opened.put([made])
            else:
                letter = make_dead_letter(number, group=group).model_copy(update={"job_id": job_id})
                opened.put_dead_letters([letter])
                last.setdefault(job_id, "invalid_image")
    found = outcomes(opened, group, limit=limit)
    assert in_order(store, job_ids(found)) == in_order(store, list(last))
    assert {outcome.job_id: outcome.result for outcome in found} == last
    dead = sum(isinstance(result, str) for result in last.values())
    assert opened.counts(group) == GroupCounts(done=len(last) - dead, dead=dead)


GROUPS = iter(range(10**6))

"""Ids and groups that look like another kind of key stay apart, on every store."""

from itertools import permutations

from mmdigit.transport.ports import GroupCounts
from tests.adapters import Store
from tests.factories import make_dead_letter, make_prediction

NAMES = (
    *("a", "predictions", "prediction", "dead", "group", "done", "null", "nil", "0", "mmdigit"),
    *("prediction:a", "dead:a", "group:a", "mmdigit:prediction:a", "mmdigit:dead:a", "mmdigit:group:a", "a:", "a::a"),
    *("mmdigit:predictions", "group:a:done", "feed", "0-0", "A" * 123),
)


def test_keys_of_jobs_dead_letters_and_groups_stay_apart(store: Store) -> None:
    opened = store.open()
    jobs = {name: make_prediction(number, group=name) for number, name in enumerate(NAMES)}
    jobs = {name: job.model_copy(update={"job_id": name}) for name, job in jobs.items()}
    letters = [
        make_dead_letter(group=name, reason=f"reason_{'x' * number}").model_copy(update={"job_id": f"{name}:dead"})
        for number, name in enumerate(NAMES)
    ]
    opened.put_dead_letters(letters)
    opened.put(list(jobs.values()))
    assert opened.get(NAMES) == list(jobs.values())
    assert opened.get([f"{name}:dead" for name in NAMES]) == [None] * len(NAMES)
    assert opened.dead_letter_reasons(NAMES) == [None] * len(NAMES)
    assert opened.dead_letter_reasons([f"{name}:dead" for name in NAMES]) == [letter.reason for letter in letters]
    assert {name: opened.counts(name) for name in NAMES} == dict.fromkeys(NAMES, GroupCounts(done=1, dead=1))
    assert [prediction for _, prediction in opened.feed()] == list(jobs.values())


def test_keys_of_one_name_never_match_another(store: Store) -> None:
    opened = store.open()
    for one, other in permutations(NAMES[10:16], 2):
        opened.put([make_prediction(group=one).model_copy(update={"job_id": one})])
        [found] = opened.get([one])
        assert found is not None
        assert found.job_id == one
        assert opened.get([f"{other}:{one}"]) == [None]
        assert opened.counts(f"{other}:{one}") == GroupCounts(done=0, dead=0)

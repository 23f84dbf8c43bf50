"""Checks the promises: compares the outcome of every acknowledged job with the offline predictor's answer."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab.kit.records import job_id_of
from mmdigit.reading.model_input import decode_input
from mmdigit.reading.predictor import Predictor
from mmdigit.transport.ports import Consumer, Record
from mmdigit.transport.urls import dead_letter_url, open_consumer, open_store
from producer.sources.sample import Sample
from schemas.errors import InvalidJob
from schemas.prediction import Answer
from schemas.wire import decode_dead_letter

TOLERANCE = 1e-5
"""Between a probability from a batch and from the job alone."""

_CHUNK = 1_000


@dataclass(frozen=True)
class CheckResult:
    """answered, dead: numbers of jobs. lost: ids without an outcome; wrong: ids with another outcome than offline."""

    answered: int
    dead: int
    lost: tuple[str, ...]
    wrong: tuple[str, ...]


def offline_answers(samples: Sequence[Sample]) -> list[Answer | None]:
    """The answer for each sample, predicted alone; None: it must become a dead letter."""
    predictor = Predictor.load()
    answers: list[Answer | None] = []
    for sample in samples:
        try:
            answers += predictor.predict([decode_input(sample.image, sample.audio)])
        except InvalidJob:
            answers.append(None)
    return answers


def check(
    jobs_url: str, store_url: str, group: str, acknowledged: Sequence[int], expected: Sequence[Answer | None]
) -> CheckResult:
    """Read back and check every outcome. expected: the entry for job n is n modulo its length."""
    numbers = {job_id_of(group, number): number for number in sorted(set(acknowledged))}
    dead = dead_job_ids(jobs_url)
    found: dict[str, Answer] = {}
    with open_store(store_url) as store:
        ids = iter(numbers)
        while chunk := list(itertools.islice(ids, _CHUNK)):
            stored = zip(chunk, store.get(chunk), strict=True)
            found |= {job_id: prediction for job_id, prediction in stored if prediction is not None}
    lost = [job_id for job_id in numbers if job_id not in found and job_id not in dead]
    wrong = [
        job_id
        for job_id, number in numbers.items()
        if (job_id in found or job_id in dead)
        and not is_right(found.get(job_id), job_id in dead, expected[number % len(expected)])
    ]
    return CheckResult(len(found), len(dead & numbers.keys()), tuple(lost), tuple(wrong))


def dead_job_ids(jobs_url: str) -> set[str]:
    """The jobs in the dead-letter topic of jobs_url."""
    letters = (decode_dead_letter(record.value) for record in records_of(dead_letter_url(jobs_url)))
    return {letter.job_id for letter in letters if letter.job_id}


def records_of(url: str) -> Iterator[Record]:
    """Every record that the topic holds."""
    with open_consumer(url, group="faults-check") as consumer:
        while not _is_read(consumer):
            yield from consumer.poll(500, 0.5)


def _is_read(consumer: Consumer) -> bool:
    lag = consumer.lag()
    return bool(lag) and lag.keys() == consumer.assignment() and not any(lag.values())


def is_right(stored: Answer | None, is_dead: bool, answer: Answer | None) -> bool:
    """Whether it is only dead if the offline predictor refuses it, and otherwise only has the same answer."""
    if stored is None or answer is None or is_dead:
        return stored is None and answer is None and is_dead
    if (stored.label, stored.decision) != (answer.label, answer.decision):
        return False
    pairs = zip(stored.probabilities, answer.probabilities, strict=True)
    return all(abs(one - other) <= TOLERANCE for one, other in pairs)

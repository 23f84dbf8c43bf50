"""Checks the gateway's promises: every job that it accepted has one outcome, which is the offline predictor's."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.faults.check import dead_job_ids, is_right, records_of
from mmdigit.transport.ports import PredictionStore
from mmdigit.transport.urls import open_store
from schemas.prediction import Answer, Prediction
from schemas.wire import decode_job

_PAGE = 1000


@dataclass(frozen=True)
class GatewayCheck:
    """answered, dead: numbers of jobs. sent_twice: further records of a job on its topic, which change nothing.
    doubled: outcomes beyond one for each job, and records of jobs that nobody submitted. lost, wrong: their ids."""

    answered: int
    dead: int
    sent_twice: int
    doubled: int
    lost: tuple[str, ...]
    wrong: tuple[str, ...]


def check_gateway(
    jobs_url: str, store_url: str, group: str, job_ids: Mapping[int, str], expected: Sequence[Answer | None]
) -> GatewayCheck:
    """Read back every record and outcome. job_ids: of the accepted jobs by number; expected: as for check."""
    numbers = {job_id: number for number, job_id in job_ids.items()}
    records = Counter(decode_job(record.value).job_id for record in records_of(jobs_url))
    dead = dead_job_ids(jobs_url)
    with open_store(store_url) as store:
        outcomes = list(_outcomes(store, group))
    found = {job_id: result for job_id, result in outcomes if isinstance(result, Prediction)}
    lost = [job_id for job_id in numbers if job_id not in found and job_id not in dead]
    wrong = [
        job_id
        for job_id, number in numbers.items()
        if job_id not in lost and not is_right(found.get(job_id), job_id in dead, expected[number % len(expected)])
    ]
    strays = (records.keys() | dict(outcomes).keys()) - numbers.keys()
    return GatewayCheck(
        answered=len(found),
        dead=len(dead & numbers.keys()),
        sent_twice=records.total() - len(records),
        doubled=len(outcomes) - len(dict(outcomes)) + len(strays) + len(job_ids) - len(numbers),
        lost=tuple(lost),
        wrong=tuple(wrong),
    )


def _outcomes(store: PredictionStore, group: str) -> "itertools.chain[tuple[str, Prediction | str]]":
    pages, position = [], ""
    while page := store.group_outcomes(group, position, _PAGE):
        position = page[-1].position
        pages.append([(outcome.job_id, outcome.result) for outcome in page])
    return itertools.chain.from_iterable(pages)

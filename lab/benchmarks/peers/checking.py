"""Did a program store what the predictor says of each job? Reads the answers of the worker and of its peers."""

import json
from collections.abc import Mapping, Sequence

import redis

from lab.benchmarks.peers.running import WORKER, Program
from lab.kit.answers import LabelAndConfidence, differing
from lab.kit.observer import PREDICTION_PREFIX
from mmdigit.transport.urls import open_store
from schemas.errors import StoreError


def require_answers(
    program: Program, store_url: str, job_ids: Sequence[str], expected: Sequence[LabelAndConfidence]
) -> None:
    """Compare all stored answers. expected: of job n, number n modulo their count.

    Raises StoreError if one is missing or another than expected.
    """
    wanted = {job_id: expected[number % len(expected)] for number, job_id in enumerate(job_ids)}
    read = stored_by_worker if program is WORKER else stored_by_peer
    if wrong := differing(wanted, read(store_url, job_ids)):
        raise StoreError(
            f"expected {program.name} to store the predictor's answers, got {len(wrong)} of {len(wanted)} missing or "
            f"different, the first of {wrong[0]}"
        )


def stored_by_worker(store_url: str, job_ids: Sequence[str]) -> dict[str, LabelAndConfidence]:
    """The answers that the store holds."""
    with open_store(store_url) as store:
        found = store.get(list(job_ids))
    return {each.job_id: LabelAndConfidence(each.label, each.confidence) for each in found if each is not None}


def stored_by_peer(store_url: str, job_ids: Sequence[str]) -> dict[str, LabelAndConfidence]:
    """The answers as lab.benchmarks.peers.answering writes them."""
    client = redis.Redis.from_url(store_url)
    try:
        values = client.mget([f"{PREDICTION_PREFIX}{job_id}" for job_id in job_ids])
    finally:
        client.close()
    return answers_in(dict(zip(job_ids, values, strict=True)))


def answers_in(values: Mapping[str, bytes | str | None]) -> dict[str, LabelAndConfidence]:
    """The answer in each stored value, without the jobs that have none."""
    parsed = {job_id: json.loads(value) for job_id, value in values.items() if value is not None}
    return {job_id: LabelAndConfidence(each["label"], each["confidence"]) for job_id, each in parsed.items()}

"""Fixtures of the fault tests: the services, started once, and the samples with their offline answers."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from lab.faults.check import offline_answers
from lab.faults.services import Services, running_services
from lab.kit.load import load_samples
from producer.sources.sample import Sample
from schemas.prediction import Answer

Expected = Sequence[Answer | None]


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """Kafka, Redis, PostgreSQL and toxiproxy for fault injection, for tests marked docker."""
    with running_services() as running:
        yield running


@pytest.fixture(scope="session")
def samples() -> list[Sample]:
    """Real pairs if MMDIGIT_DATA is set, else the sample pack; one in fifty is invalid."""
    data = os.environ.get("MMDIGIT_DATA")
    return load_samples(Path(data) if data else None)


@pytest.fixture(scope="session")
def expected(samples: list[Sample]) -> Expected:
    """The samples' offline answers."""
    return offline_answers(samples)

"""What the tests of the faults share: the services, once, and the samples with their offline answers."""

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
    """Kafka, Redis and toxiproxy that may be harmed, for tests marked docker."""
    with running_services() as running:
        yield running


@pytest.fixture(scope="session")
def samples() -> list[Sample]:
    """Real pairs where MMDIGIT_DATA is set, else the sample pack; one in fifty is broken."""
    data = os.environ.get("MMDIGIT_DATA")
    return load_samples(Path(data) if data else None)


@pytest.fixture(scope="session")
def expected(samples: list[Sample]) -> Expected:
    """Their answers."""
    return offline_answers(samples)

"""The progress of a run as Prometheus scrapes it, with and without a store."""

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from lab.kit.services import free_port
from mmdigit.sending.destination import Destination
from mmdigit.sending.journal import Journal
from producer.metrics import NAME, RunCollector, serve_metrics
from schemas.errors import SettingsError, StoreError
from tests.producer.fakes import FakeStore, prediction_of

JOB_IDS = [f"{number:032x}" for number in range(5)]


@contextmanager
def journal_of(folder: Path) -> Iterator[Journal]:
    """The collector of a second run; the first sent two jobs."""
    destination = Destination("kafka://host/topic", is_new=False)
    with Journal.open(folder, destination, "g") as earlier:
        for job_id in JOB_IDS[:2]:
            earlier.acknowledge(job_id)
        earlier.write()
    with Journal.open(folder, destination, "g") as journal:
        yield journal


def states(collector: RunCollector) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(collector)
    return {
        sample.labels["state"]: sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.labels["group"] == "g"
    }


def test_scrape_shows_the_progress_of_the_run(tmp_path: Path) -> None:
    store = FakeStore()
    with journal_of(tmp_path) as journal:
        collector = RunCollector("g", 5, journal, lambda: store)
        assert states(collector) == {"all": 5, "acknowledged": 2, "answered": 0, "dead": 0}
        journal.acknowledge(JOB_IDS[2])
        store.put([prediction_of(job_id) for job_id in JOB_IDS[:2]])
        store.notes = {JOB_IDS[2]: "invalid_image"}
        assert states(collector) == {"all": 5, "acknowledged": 3, "answered": 2, "dead": 1}
        journal.write()
    assert states(collector)["acknowledged"] == 3  # also while waiting for outcomes, with a closed journal


def test_scrape_has_no_outcomes_without_a_store(tmp_path: Path) -> None:
    def away() -> FakeStore:
        raise StoreError("store is away")

    with journal_of(tmp_path) as journal:
        for opened in (None, away):
            assert states(RunCollector("g", 5, journal, opened)) == {"all": 5, "acknowledged": 2}


def test_serve_metrics_ends_with_the_run(tmp_path: Path) -> None:
    port = free_port()
    with journal_of(tmp_path) as journal:
        collector = RunCollector("g", 5, journal, None)
        with serve_metrics(collector, "127.0.0.1", port):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                assert f'{NAME}{{group="g",state="all"}} 5.0' in answer.read().decode()
            with pytest.raises(SettingsError, match="set --metrics-port"), serve_metrics(collector, "127.0.0.1", port):
                pass
        with pytest.raises(OSError, match="refused"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5)
        with serve_metrics(collector, "127.0.0.1", None):
            pass

"""Decisions of a group, counted on from call to call."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mmdigit.gateway import tallies
from mmdigit.gateway.tallies import Tallies
from mmdigit.transport.ports import PredictionStore
from mmdigit.transport.urls import open_store
from schemas.api import Decisions
from tests.factories import make_dead_letter, make_prediction
from tests.producer.fakes import prediction_of


@pytest.fixture(name="store")
def opened(tmp_path: Path) -> Iterator[PredictionStore]:
    with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        yield store


def test_count_goes_on_where_it_ended(store: PredictionStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "PAGE", 2)
    monkeypatch.setattr(tallies, "MAX_COUNTED_AT_ONCE", 4)
    store.put([make_prediction(number) for number in range(5)])
    store.put([prediction_of("r", group="g")])
    store.put_dead_letters([make_dead_letter(9)])
    counting = Tallies()
    assert counting.count(store, "g") == Decisions(accept=4, review=0, counted=4)
    assert counting.count(store, "g") == Decisions(accept=5, review=1, counted=7)
    assert counting.count(store, "g") == Decisions(accept=5, review=1, counted=7)


def test_groups_beyond_the_limit_are_counted_anew(store: PredictionStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "MAX_GROUPS", 1)
    store.put([make_prediction(0, group="a"), make_prediction(1, group="b")])
    counting = Tallies()
    for group in ("a", "b", "a"):
        assert counting.count(store, group) == Decisions(accept=1, review=0, counted=1)


def test_known_does_not_look(store: PredictionStore) -> None:
    store.put([make_prediction(0)])
    counting = Tallies()
    assert counting.known("g") == Decisions()
    counted = counting.count(store, "g")
    store.put([make_prediction(1)])
    assert counting.known("g") == counted == Decisions(accept=1, counted=1)

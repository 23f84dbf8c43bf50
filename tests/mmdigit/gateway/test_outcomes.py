"""Outcomes as a tenant sees them."""

from pathlib import Path

from mmdigit.gateway.access.principal import SCOPES, Principal
from mmdigit.gateway.outcomes import find_outcome, status_of
from mmdigit.transport.urls import open_store
from tests.factories import make_dead_letter, make_prediction
from tests.producer.fakes import prediction_of

ACME = Principal("acme", SCOPES, "test")


def test_status_shows_the_tenants_own_names() -> None:
    status = status_of(ACME, "acme:j", prediction_of("acme:j", group="acme:g"))
    assert (status.job_id, status.group, status.state) == ("j", "g", "done")
    assert status.prediction is not None
    assert (status.prediction.job_id, status.prediction.group) == ("j", "g")


def test_status_of_others_has_no_prediction() -> None:
    dead, pending = status_of(ACME, "acme:j", "invalid_image", "acme:g"), status_of(ACME, "acme:j", None)
    assert (dead.job_id, dead.group, dead.state, dead.reason) == ("j", "g", "dead", "invalid_image")
    assert (pending.state, pending.prediction, pending.reason) == ("pending", None, None)


def test_outcome_is_a_prediction_or_a_reason(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        store.put([make_prediction(0)])
        store.put_dead_letters([make_dead_letter(1)])
        assert find_outcome(store, "job-0") == make_prediction(0)
        assert find_outcome(store, "job-1") == "invalid_image"
        assert find_outcome(store, "job-2") is None

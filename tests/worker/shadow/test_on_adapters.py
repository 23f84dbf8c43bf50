"""Shadows on every queue and store: what they compare and remember, and that they write nothing."""

import pytest

from mmdigit.transport.ports import PredictionStore
from schemas.wire import encode
from tests.adapters import Queue, Store
from tests.factories import make_dead_letter, make_job, make_prediction
from tests.worker.fakes import FakeModel, image_bytes
from worker.shadow.command import Shadow
from worker.shadow.comparison import Comparison
from worker.shadow.settings import ShadowSettings

JOBS = 10


def shadowed(queue: Queue, live: PredictionStore, group: str = "shadow", **options: object) -> Comparison:
    """Run a shadow to its end."""
    urls = {"from": queue.url, "store": "sqlite:///unused.db"}
    settings = ShadowSettings.model_validate(urls | {"batch_size": 4, "live_wait_s": 0} | options)
    consumer = queue.consumer(group)
    run = Shadow(settings, FakeModel(), consumer, live, pytest.fail)
    run.run()
    consumer.close()
    return run.comparison


@pytest.fixture
def live(queue: Queue, store: Store) -> PredictionStore:
    """Jobs that the fake model reads as their number; the live answer is the same, except for 7 (8) and 9 (dead)."""
    queue.publish(*(encode(make_job(n, image=image_bytes(200 + n)), "msgpack") for n in range(JOBS)))
    live = store.open()
    live.put([make_prediction(n, label=8 if n == 7 else n) for n in range(JOBS - 1)])
    live.put_dead_letters([make_dead_letter(9, reason="model_rejected")])
    return live


def test_shadow_compares_each_job_once_and_writes_nothing(queue: Queue, live: PredictionStore) -> None:
    before = (live.feed(), live.counts("g"))
    first = shadowed(queue, live, limit=5)
    assert (first.compared, first.same) == (5, 5)
    second = shadowed(queue, live)
    assert (second.same, second.other_digit, second.failed_live, second.missing) == (3, 1, 1, 0)
    assert [(it.job_id, it.live[0], it.tested[0]) for it in second.examples] == [("job-7", "8", "7")]
    assert shadowed(queue, live).compared == 0
    assert shadowed(queue, live, group="another").compared == 9
    assert (live.feed(), live.counts("g")) == before
    workers = queue.consumer("mmdigit")
    assert workers.poll(1, 5.0)[0].offset == 0  # nothing was committed for the live group

"""The fields of predictions."""

from schemas import VERSION
from schemas.wire import encode
from tests.factories import make_job
from tests.worker.fakes import NOON, answer, record
from worker.batcher import DecodedRecord
from worker.outcomes import make_prediction


def test_prediction_names_its_worker_version() -> None:
    job = make_job(5)
    decoded = DecodedRecord(record(5, encode(job, "msgpack")), 0.0, job, None, None, 0.0)
    assert make_prediction(decoded, answer(5), NOON, 0.0, 0.0, 1).worker_version == VERSION

"""Bytes in Kafka's log and in Redis: measured on the real ones, of jobs and predictions as they are made."""

import pytest

from lab.benchmarks.footprint import encoded_jobs, in_kafka, in_redis, job_id_of, predictions
from lab.kit.records import read_samples
from mmdigit.transport.encoding import decode_prediction, encode_prediction
from producer.jobs import job_id_of as producers_job_id_of
from schemas.errors import SettingsError
from schemas.wire import decode_job
from tests.mmdigit.transport.test_compact import same

SAMPLES = read_samples(None, 40)


def test_ids_are_as_long_as_the_producers_and_differ() -> None:
    assert len(job_id_of(7)) == len(producers_job_id_of(SAMPLES[0], "benchmark"))
    jobs = [decode_job(value) for _, value in encoded_jobs(SAMPLES, 100)]
    assert len({job.job_id for job in jobs}) == 100
    assert (jobs[0].image, jobs[0].audio) == (jobs[40].image, jobs[40].audio)


def test_predictions_are_whole_and_of_the_model() -> None:
    made = list(predictions(SAMPLES, 60))
    assert all(same(each, decode_prediction(encode_prediction(each))) for each in made)
    assert made[3].probabilities == made[43].probabilities
    assert len({each.job_id for each in made}) == 60


@pytest.mark.docker
@pytest.mark.timeout(120)
def test_the_log_holds_the_jobs_and_less_of_them_when_compressed(kafka_bootstrap: str) -> None:
    found = in_kafka(kafka_bootstrap, SAMPLES, 300)
    log_bytes = found["log_bytes"]
    assert found["encoded_bytes"] < log_bytes["none"] < found["encoded_bytes"] + 200
    assert log_bytes["zstd"] < log_bytes["lz4"] < log_bytes["none"]


@pytest.mark.docker
@pytest.mark.timeout(120)
def test_redis_holds_each_prediction_and_one_full_feed(redis_url: str) -> None:
    found = in_redis(redis_url, SAMPLES, 40_000, feed_length=1000)
    assert found["predictions"] == 40_000
    assert found["keys"] >= 40_000
    assert 7 * found["value_bytes"] < found["json_bytes"]
    assert found["value_bytes"] < found["bytes"]["min"] <= found["bytes"]["max"] < 300
    assert found["all_in_bytes"] == found["bytes"]["max"] + found["feed_bytes"] / 40_000
    assert 1000 * found["value_bytes"] < found["feed_bytes"] < 2000 * found["value_bytes"]
    assert found["redis_cpu_us"] > 0


def test_too_few_to_fill_the_feed_are_refused() -> None:
    with pytest.raises(SettingsError, match="at least 400000 predictions"):
        in_redis("redis://127.0.0.1:1/0", SAMPLES, 399_999)

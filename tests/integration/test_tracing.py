"""One trace from the producer to the stored prediction: real processes, real exporters, a collector in this process."""

import subprocess
import sys
from pathlib import Path

import pytest

from lab.kit.polling import until
from mmdigit.transport.urls import open_store, system_and_topic
from samples.demo import PACK
from samples.running import RunningWorker
from tests.adapters import DOCKER
from tests.collector import attributes, collecting

JOBS = 40
SPANS_OF_A_JOB = 6
STAGES = {"decode", "wait", "predict", "store"}


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=DOCKER)])
def jobs_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'queue.db'}"
    return str(request.getfixturevalue("kafka_topic")(2, with_dead_letters=True))


def test_trace_spans_producer_and_worker(jobs_url: str, tmp_path: Path) -> None:
    store_url = f"sqlite:///{tmp_path / 'store.db'}"
    system, topic = system_and_topic(jobs_url)
    with collecting() as collector:
        endpoint = ("--otlp-endpoint", collector.url)
        with RunningWorker(jobs_url, store_url, tmp_path / "worker.log", endpoint) as worker:
            worker.wait_until_ready()
            produced = subprocess.run(
                [
                    *(sys.executable, "-m", "producer", "--from", str(PACK), "--to", jobs_url, "--count", str(JOBS)),
                    *("--journal-dir", str(tmp_path), "--wait", "--store", store_url, "--trace-ratio", "1", *endpoint),
                ],
                capture_output=True,
                text=True,
            )
            assert produced.returncode == 0, produced.stderr
            until(
                lambda: worker.scrape().value("mmdigit_spans_total", outcome="exported") > SPANS_OF_A_JOB * JOBS,
                "every span exported",
            )
            assert worker.stop() == 0
    sends, handled = collector.named(f"send {topic}"), collector.named(f"process {topic}")
    assert (len(sends), len(handled)) == (JOBS, JOBS)
    by_trace = {span.trace_id: span for span in handled}
    with open_store(store_url) as store:
        predictions = store.get([str(attributes(send)["mmdigit.job_id"]) for send in sends])
    for send, prediction in zip(sends, predictions, strict=True):
        own = by_trace[send.trace_id]
        assert prediction is not None
        assert prediction.trace_id == send.trace_id.hex()
        assert own.parent_span_id == send.span_id
        assert attributes(own)["messaging.system"] == attributes(send)["messaging.system"] == system
        assert attributes(own)["messaging.kafka.offset"] == prediction.source.offset
        assert {span.name for _, span in collector.spans if span.parent_span_id == own.span_id} == STAGES
    batches = {(span.trace_id, span.span_id) for span in collector.named("batch")}
    assert {(link.trace_id, link.span_id) for own in handled for link in own.links} == batches
    services = {(name, span.name) for name, span in collector.spans if span in (*sends, *handled)}
    assert services == {("mmdigit-producer", f"send {topic}"), ("mmdigit-worker", f"process {topic}")}

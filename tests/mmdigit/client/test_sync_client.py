"""Client: against a real gateway with a real worker; a gateway that is killed loses and doubles nothing."""

import csv
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.kit.polling import until
from mmdigit.client import ApiError, Client, JobStatus, submission
from mmdigit.transport.urls import open_consumer
from schemas.wire import decode_job
from tests.mmdigit.client.gateway_process import GatewayProcess

PACK = Path(__file__).parents[3] / "samples" / "pack"
PAIR = (PACK / "images" / "4_17.png", PACK / "audio" / "4_09.flac")
BATCH = 20


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a gateway whose jobs a worker reads."""
    with GatewayProcess(tmp_path_factory.mktemp("client")) as gateway, gateway.worker() as worker:
        worker.wait_until_ready()
        with Client(gateway.url) as client:
            yield client


def test_job_is_answered(client: Client) -> None:
    status = client.submit_job(*PAIR, expected=4, wait=30)
    assert status.state == "done"
    assert status.prediction is not None
    assert (status.prediction.label, status.prediction.decision, status.prediction.expected) == (4, "accept", 4)
    assert client.get_prediction(status.job_id) == status


def test_result_comes_later(client: Client) -> None:
    status = client.submit_job(PAIR[0])
    assert status.state == "pending"
    assert client.result(status.job_id).state == "done"


def test_key_names_one_job(client: Client) -> None:
    first, second = (client.submit_job(*PAIR, idempotency_key="form-1", wait=30) for _ in range(2))
    assert first == second


def test_refusals_have_the_fields_of_the_problem(client: Client) -> None:
    with pytest.raises(ApiError, match="expected a job with an outcome, got none") as raised:
        client.get_prediction("never-sent")
    assert (raised.value.status, raised.value.title) == (404, "Not Found")


def test_batch_is_followed_and_exported(client: Client, tmp_path: Path) -> None:
    """Its last job is no image, and becomes a dead letter."""
    jobs = [submission(*PAIR, job_id=f"batch-{n}") for n in range(BATCH)]
    receipt = client.submit_batch([*jobs, submission(b"no image", job_id="broken")], group="batch")
    assert (receipt.group, receipt.accepted, receipt.rejected) == ("batch", BATCH + 1, 0)
    followed = list(client.follow_group("batch"))
    assert sorted(outcome.job_id for outcome in followed) == sorted(["broken", *(job.job_id or "" for job in jobs)])
    [dead] = [outcome for outcome in followed if outcome.state == "dead"]
    assert dead == JobStatus(job_id="broken", group="batch", state="dead", reason="invalid_image")

    assert list(client.outcomes("batch")) == followed
    page = client.get_group_predictions("batch", limit=BATCH)
    assert list(page.outcomes) == followed[:BATCH]
    assert list(client.follow_group("batch", last_event_id=page.next)) == followed[BATCH:]

    status = client.get_group("batch")
    assert (status.submitted, status.done, status.dead, status.finished) == (BATCH + 1, BATCH, 1, True)
    assert client.list_groups(limit=1).groups == ("batch",)

    path = client.export_group("batch", "csv", tmp_path / "batch.csv")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [outcome.job_id for outcome in followed]


def test_killed_gateway_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Killed while two clients submit; they notice nothing but the time it takes."""
    each = 150
    told: list[str] = []

    def submit(client: Client, name: str) -> None:
        told.extend(client.submit_job(PAIR[0], idempotency_key=f"{name}-{n}").job_id for n in range(each))

    with GatewayProcess(tmp_path) as gateway, Client(gateway.url, retry_for_s=600) as client:
        clients = [threading.Thread(target=submit, args=(client, name)) for name in ("a", "b")]
        for thread in clients:
            thread.start()
        for part in range(1, 4):
            until(lambda part=part: len(told) >= part * each // 2, "jobs that are taken")  # type: ignore[misc]
            gateway.kill()
            gateway.start()
        for thread in clients:
            thread.join()
        with open_consumer(gateway.queue, group="test") as consumer:
            taken = set()
            while records := consumer.poll(1000, 0.1):
                taken |= {decode_job(record.value).job_id for record in records}
    assert len(told) == 2 * each
    assert set(told) == taken
    assert len(taken) == 2 * each


def test_follower_sees_each_outcome_once_after_a_kill(tmp_path: Path) -> None:
    with GatewayProcess(tmp_path) as gateway, Client(gateway.url, retry_for_s=600) as client:
        receipt = client.submit_batch(submission(PAIR[0], job_id=f"a-{n}") for n in range(BATCH))
        with gateway.worker():
            followed = client.follow_group(receipt.group)
            names = [next(followed).job_id]
            gateway.kill()
            gateway.start()
            names += [outcome.job_id for outcome in followed]
    assert sorted(names) == sorted(f"a-{n}" for n in range(BATCH))

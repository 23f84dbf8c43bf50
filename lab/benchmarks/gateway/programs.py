"""The programs that are compared: a gateway and a worker on SQLite or Kafka and Redis, and LitServe."""

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.benchmarks.peers.running import ENVIRONMENTS, ROOT
from lab.kit.gateway import JSON, NO_LIMITS, RunningGateway, json_body
from lab.kit.http_client import Address, HttpClient, request
from lab.kit.saturation import BATCH_SIZE
from lab.kit.services import free_port, kafka_broker, redis_server, replace_topics
from mmdigit.transport.urls import open_publisher, open_store
from producer.sources.sample import Sample
from samples.running import READY_WITHIN_S, RunningWorker
from schemas.errors import SettingsError, TransportError

WAIT_S = 30
POLL_EVERY_S = 0.05
PARTITIONS = 8
TOPIC = "gateway"


@dataclass(frozen=True)
class Served:
    """A running program. pids: its servers, besides the worker. store_url: of a gateway."""

    address: Address
    pids: tuple[int, ...]
    store_url: str = ""


def create_file(path: Path) -> str:
    """The URL of a new queue and store in one file."""
    url = f"sqlite:///{path}"
    with open_store(url), open_publisher(url):
        return url


@contextmanager
def on_sqlite(folder: Path, *, with_worker: bool = True, options: Sequence[str] = NO_LIMITS) -> Iterator[Served]:
    """A gateway on a new file, and a worker. options: of the gateway."""
    url = create_file(folder / "queue.db")
    with _gateway(url, url, folder, with_worker, options) as served:
        yield served


@contextmanager
def on_kafka(folder: Path, *, with_worker: bool = True) -> Iterator[Served]:
    """A gateway on Kafka and Redis in containers, and a worker."""
    with kafka_broker() as bootstrap, redis_server() as store_url:
        replace_topics(bootstrap, TOPIC, PARTITIONS, [])
        with _gateway(f"kafka://{bootstrap}/{TOPIC}", store_url, folder, with_worker, NO_LIMITS) as served:
            yield served


@contextmanager
def _gateway(
    jobs_url: str, store_url: str, folder: Path, with_worker: bool, options: Sequence[str]
) -> Iterator[Served]:
    with ExitStack() as stack:
        gateway = stack.enter_context(RunningGateway(jobs_url, store_url, folder / "gateway.log", options))
        if with_worker:
            size = ("--batch-size", str(BATCH_SIZE))
            worker = stack.enter_context(RunningWorker(jobs_url, store_url, folder / "worker.log", size))
            worker.wait_until_assigned()
        gateway.wait_until_assigned()
        yield Served(gateway.address, (gateway.process.pid,), store_url)


@contextmanager
def on_litserve(folder: Path) -> Iterator[Served]:
    """LitServe with the worker's decoders and model, batches of the same size.

    Raises SettingsError if its environment is missing.
    """
    python = ENVIRONMENTS / "litserve" / "bin" / "python"
    if not python.exists():
        raise SettingsError(f"expected the environment of LitServe at {python}, got none; run make bench-api")
    port = free_port()
    command = [str(python), "-m", "lab.benchmarks.peers.litserve", str(port), str(BATCH_SIZE)]
    path = folder / "litserve.log"
    with path.open("wb") as log:
        # A group of its own, because it starts processes that must end with it.
        process = subprocess.Popen(  # noqa: S603
            command,
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            asyncio.run(_until_it_answers(process, ("127.0.0.1", port), path))
            yield Served(("127.0.0.1", port), (process.pid,))
        finally:
            os.killpg(process.pid, 15)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait()


async def _until_it_answers(process: "subprocess.Popen[bytes]", address: Address, log: Path) -> None:
    deadline_s = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline_s and process.poll() is None:
        try:
            async with HttpClient(address) as client:
                if (await client.send(request("GET", "/health"))).status == 200:
                    return
        except OSError:
            pass
        await asyncio.sleep(0.1)
    raise TransportError(f"expected LitServe to answer within {READY_WITHIN_S:.0f} s, got none; see its log {log}")


class Caller:
    """Sends the samples to one program, each request as another caller would."""

    def __init__(self, client: HttpClient, samples: Sequence[Sample]) -> None:
        self._client = client
        self._bodies = [json_body(sample) for sample in samples]

    async def waiting(self, number: int) -> bool:
        """POST ?wait, whose answer is the prediction."""
        return await self._post(f"/v1/jobs?wait={WAIT_S}", number) == 200

    async def submitting(self, number: int) -> bool:
        """POST, whose answer is that the job is on its topic."""
        return await self._post("/v1/jobs", number) == 202

    async def polling(self, number: int) -> bool:
        """POST, then GET until there is a prediction."""
        accepted = await self._client.send(self._message("/v1/jobs", number))
        if accepted.status != 202:
            return False
        question = request("GET", f"/v1/predictions/{json.loads(accepted.body)['job_id']}")
        for _ in range(round(WAIT_S / POLL_EVERY_S)):
            await asyncio.sleep(POLL_EVERY_S)
            if (await self._client.send(question)).status == 200:
                return True
        return False

    async def predicting(self, number: int) -> bool:
        """LitServe's own operation."""
        return await self._post("/predict", number) == 200

    async def _post(self, path: str, number: int) -> int:
        return (await self._client.send(self._message(path, number))).status

    def _message(self, path: str, number: int) -> bytes:
        return request("POST", path, self._bodies[number % len(self._bodies)], JSON)

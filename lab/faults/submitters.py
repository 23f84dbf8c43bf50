"""Clients of a gateway: each submits a job, and again under the same Idempotency-Key until it is accepted."""

import asyncio
import json
import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager

from lab.kit.gateway import JSON, json_body
from lab.kit.http_client import Address, Answer, HttpClient, request
from lab.kit.load import TRICKLE_PER_S
from producer.sources.sample import Sample

RETRY_AFTER_S = 0.2
ANSWER_WITHIN_S = 30.0
GIVE_UP_AFTER_S = 180.0
ACCEPTED = (200, 202)
AWAY = (429, 503)
_TICK_S = 0.02


class Submitters(AbstractContextManager["Submitters"]):
    """Submits in a thread until stop(), each job in a task of its own. Job n carries sample n modulo their number."""

    def __init__(self, address: Address, group: str, samples: Sequence[Sample]) -> None:
        self.job_ids: dict[int, str] = {}
        """The id of each job that the gateway has accepted, by its number."""
        self.sent = 0
        """Jobs that were begun."""
        self.retries = 0
        self.slowest_refusal_s = 0.0
        """The longest time that a caller waited for a refusal."""
        self.refusals: set[int] = set()
        """Statuses of refusals."""
        self.problems: list[str] = []
        """Answers that no caller should get."""
        self._address = address
        self._group = group
        self._bodies = [json_body(sample, group) for sample in samples]
        self._due = 0.0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="submitters", daemon=True)
        self._thread.start()

    def burst(self, jobs: int) -> None:
        """Submit that many more at once."""
        with self._lock:
            self._due += jobs

    def stop(self) -> None:
        """Begin no more. Returns when every job is accepted, or has been tried for GIVE_UP_AFTER_S."""
        self._ended.set()
        self._thread.join()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    async def _run(self) -> None:
        tasks: set[asyncio.Task[None]] = set()
        last_s = time.monotonic()
        async with HttpClient(self._address) as client:
            while not self._ended.is_set():
                await asyncio.sleep(_TICK_S)
                now_s = time.monotonic()
                with self._lock:
                    self._due += (now_s - last_s) * TRICKLE_PER_S
                    count, self._due = int(self._due), self._due % 1
                last_s = now_s
                for _ in range(count):
                    task = asyncio.create_task(self._submit(client, self.sent))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                    self.sent += 1
            await asyncio.gather(*tasks)

    async def _submit(self, client: HttpClient, number: int) -> None:
        headers = JSON | {"Idempotency-Key": f"{self._group}-{number}"}
        message = request("POST", "/v1/jobs", self._bodies[number % len(self._bodies)], headers)
        first_s = time.monotonic()
        while (began_s := time.monotonic()) - first_s < GIVE_UP_AFTER_S:
            try:
                answer = await asyncio.wait_for(client.send(message), ANSWER_WITHIN_S)
            except TimeoutError:
                self.problems.append(f"job {number}: no answer within {ANSWER_WITHIN_S:.0f} s")
            except OSError:  # the gateway is gone
                pass
            else:
                if answer.status in ACCEPTED:
                    self.job_ids[number] = json.loads(answer.body)["job_id"]
                    return
                self._refused(number, answer, time.monotonic() - began_s)
            self.retries += 1
            await asyncio.sleep(RETRY_AFTER_S)
        self.problems.append(f"job {number}: not accepted within {GIVE_UP_AFTER_S:.0f} s")

    def _refused(self, number: int, answer: Answer, took_s: float) -> None:
        self.refusals.add(answer.status)
        self.slowest_refusal_s = max(self.slowest_refusal_s, took_s)
        if answer.status not in AWAY:
            self.problems.append(f"job {number}: status {answer.status}: {answer.body[:200]!r}")

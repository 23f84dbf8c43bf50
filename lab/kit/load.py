"""Publishes jobs at a steady rate, with bursts on request, and records which were acknowledged."""

import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from lab.kit.records import job_id_of, read_samples, templates
from mmdigit.transport.urls import open_publisher
from producer.sources.sample import Sample
from schemas.errors import MmdigitError

TRICKLE_PER_S = 50.0
BROKEN_EVERY = 50
"""One job in so many has an invalid image and must become a dead letter, whatever happens around it."""

SAMPLES = 500
_TICK_S = 0.02
_FLUSH_WITHIN_S = 90.0


def load_samples(data: Path | None) -> list[Sample]:
    """SAMPLES real pairs, or those of the sample pack; every BROKEN_EVERYth has an invalid image."""
    samples = read_samples(data, SAMPLES)
    for number in range(BROKEN_EVERY - 1, len(samples), BROKEN_EVERY):
        samples[number] = Sample(f"broken-{number}", b"not an image", samples[number].audio, None)
    return samples


class Load(AbstractContextManager["Load"]):
    """Publishes in a thread until stop(). Job n carries sample n modulo their number."""

    def __init__(
        self, jobs_url: str, group: str, samples: Sequence[Sample], trickle_per_s: float = TRICKLE_PER_S
    ) -> None:
        self.group = group
        self.acknowledged: list[int] = []
        """Numbers of the jobs that the queue acknowledged."""
        self.errors: list[str] = []
        """Why the queue refused records. Those jobs are not lost: their producer knows."""
        self._url = jobs_url
        self._trickle_per_s = trickle_per_s
        self._templates = templates(samples, group)
        self.sent = 0
        """Jobs published so far, refused ones included."""
        self._due = 0.0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._paused = threading.Event()
        self._idle = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._thread.start()

    def burst(self, jobs: int) -> None:
        """Send that many more, as fast as the queue takes them."""
        with self._lock:
            self._due += jobs

    def pause(self) -> None:
        """Stop sending until resume(). Returns when every record is acknowledged or refused."""
        self._paused.set()
        self._idle.wait()

    def resume(self) -> None:
        """Continue with a new publisher."""
        self._paused.clear()

    def stop(self) -> None:
        """Stop sending. Returns when every record is acknowledged or refused."""
        self._ended.set()
        self._thread.join()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def _run(self) -> None:
        last_s = time.monotonic()
        while not self._ended.is_set():
            if self._paused.is_set():
                self._idle.set()
                self._ended.wait(_TICK_S)
                continue
            self._idle.clear()
            with suppress(MmdigitError), open_publisher(self._url) as publisher:
                while not (self._ended.wait(_TICK_S) or self._paused.is_set()):
                    now_s = time.monotonic()
                    with self._lock:
                        self._due += (now_s - last_s) * self._trickle_per_s
                        count, self._due = int(self._due), self._due % 1
                    last_s = now_s
                    for _ in range(count):
                        job_id = job_id_of(self.group, self.sent)
                        value = self._templates[self.sent % len(self._templates)].record(job_id, datetime.now(UTC))
                        try:
                            publisher.send(job_id.encode(), value, partial(self.acknowledged.append, self.sent))
                        except MmdigitError as error:
                            self.errors.append(str(error))
                        self.sent += 1
                        if self._ended.is_set():
                            break
                try:
                    publisher.flush(_FLUSH_WITHIN_S)
                except MmdigitError as error:
                    self.errors.append(str(error))

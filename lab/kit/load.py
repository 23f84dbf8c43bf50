"""Real jobs, published by the project's own publisher: a trickle, bursts when asked, all ids remembered."""

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
"""One job of so many has a picture that is none: it must end as a dead letter, whatever happens around it."""

SAMPLES = 500
_TURN_S = 0.02
_FLUSH_WITHIN_S = 90.0


def load_samples(data: Path | None) -> list[Sample]:
    """SAMPLES real pairs (or those of the sample pack), each BROKEN_EVERYth with a broken picture."""
    samples = read_samples(data, SAMPLES)
    for number in range(BROKEN_EVERY - 1, len(samples), BROKEN_EVERY):
        samples[number] = Sample(f"broken-{number}", b"this is no picture", samples[number].audio, None)
    return samples


class Load(AbstractContextManager["Load"]):
    """Publishes in a thread of its own until stop(); job n carries sample n of the list, over and over."""

    def __init__(
        self, jobs_url: str, group: str, samples: Sequence[Sample], trickle_per_s: float = TRICKLE_PER_S
    ) -> None:
        self.group = group
        self.acknowledged: list[int] = []
        """Numbers of the jobs whose records the queue has acknowledged."""
        self.errors: list[str] = []
        """Why records were not taken; those jobs are nobody's loss, their producer knows."""
        self._url = jobs_url
        self._trickle_per_s = trickle_per_s
        self._templates = templates(samples, group)
        self.sent = 0
        """Jobs that were made so far, also those that were not taken."""
        self._owed = 0.0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._paused = threading.Event()
        self._quiet = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._thread.start()

    def burst(self, jobs: int) -> None:
        """Send so many more, as fast as they are taken."""
        with self._lock:
            self._owed += jobs

    def pause(self) -> None:
        """Send no more until resume(); returns when all that was sent is acknowledged, or has failed."""
        self._paused.set()
        self._quiet.wait()

    def resume(self) -> None:
        """Go on with a new publisher."""
        self._paused.clear()

    def stop(self) -> None:
        """Send no more; returns when all that was sent is acknowledged, or has failed."""
        self._ended.set()
        self._thread.join()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def _run(self) -> None:
        last_s = time.monotonic()
        while not self._ended.is_set():
            if self._paused.is_set():
                self._quiet.set()
                self._ended.wait(_TURN_S)
                continue
            self._quiet.clear()
            with suppress(MmdigitError), open_publisher(self._url) as publisher:
                while not (self._ended.wait(_TURN_S) or self._paused.is_set()):
                    now_s = time.monotonic()
                    with self._lock:
                        self._owed += (now_s - last_s) * self._trickle_per_s
                        count, self._owed = int(self._owed), self._owed % 1
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

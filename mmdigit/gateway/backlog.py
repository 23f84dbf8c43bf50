"""How long a job waits now, by jobs of this gateway that are followed to their outcome: no adapter has to know its lag.

One job a second is a probe. The backlog is the age of the oldest probe without an outcome.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

from mmdigit.transport.ports import PredictionStore

PROBE_EVERY_S = 1.0
MAX_PROBES = 600
FORGOTTEN_AFTER_S = 3600.0
"""A probe without an outcome for so long counts no more: its job may be lost, and nobody would send another."""
OVERTAKEN_S = 300.0
"""A probe counts no more once one that was sent so much later has its outcome."""


class _Probe(NamedTuple):
    job_id: str
    sent_s: float


class Backlog:
    """sent() is for the event loop's thread, look() for one other."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._probes: tuple[_Probe, ...] = ()
        self._new: list[_Probe] = []
        self._last_s = float("-inf")

    def sent(self, job_id: str) -> None:
        """A job was published."""
        now_s = self._clock()
        if now_s - self._last_s >= PROBE_EVERY_S and len(self._new) < MAX_PROBES:
            self._last_s = now_s
            self._new.append(_Probe(job_id, now_s))

    def look(self, store: PredictionStore) -> None:
        """Drop the probes that have an outcome. Raises what the store raises."""
        new, self._new = self._new, []
        probes = (*self._probes, *new)[-MAX_PROBES:]
        names = [probe.job_id for probe in probes]
        outcomes = zip(probes, store.get(names), store.dead_letter_reasons(names), strict=True)
        open_, newest_s = [], float("-inf")
        for probe, prediction, reason in outcomes:
            if prediction is None and reason is None:
                open_.append(probe)
            else:
                newest_s = max(newest_s, probe.sent_s)
        oldest_s = max(self._clock() - FORGOTTEN_AFTER_S, newest_s - OVERTAKEN_S)
        self._probes = tuple(probe for probe in open_ if probe.sent_s >= oldest_s)

    @property
    def seconds(self) -> float:
        """The age of the oldest probe without an outcome; 0 if there is none."""
        probes = self._probes or self._new
        return self._clock() - probes[0].sent_s if probes else 0.0

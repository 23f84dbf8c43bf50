"""Stops worker and commands on SIGTERM and SIGINT: after the batch in hand, or at once where that takes too long."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)
EXIT_UNFINISHED = 5
"""The worker left before its batch was finished: a second signal came, or the time was up. Nothing of the batch is
committed, and it will be delivered again."""


class StopSignals:
    """The first signal asks for the stop; the second one, or timeout_s without an end, leaves the process.

    Signals are watched by a thread of their own: one that hangs in the model sees none. Enter in the main thread.
    """

    def __init__(self, stop: Callable[[], object], timeout_s: float, leave: Callable[[int], object] = os._exit) -> None:
        self._stop = stop
        self._timeout_s = timeout_s
        self._leave = leave
        self._signalled, self._wakeup = socket.socketpair()
        self._wakeup.setblocking(False)
        self._thread = threading.Thread(target=self._watch, name="stop-signals", daemon=True)

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, _ignore) for number in SIGNALS}
        # Written to by the signal handler itself, whatever the main thread is busy with.
        self._wakeup_before = signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._wakeup_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._wakeup.close()  # which ends the watch
        self._thread.join()
        self._signalled.close()

    def _watch(self) -> None:
        number = self._next_signal()
        if number is None:
            return
        log.info("stopping after the batch in hand", extra={"signal": signal.Signals(number).name})
        self._stop()
        self._signalled.settimeout(self._timeout_s)
        try:
            number = self._next_signal()
        except TimeoutError:
            log.error("not finished in time, leaving without commit", extra={"stop_timeout_s": self._timeout_s})
        else:
            if number is None:
                return
            log.error("second signal, leaving without commit", extra={"signal": signal.Signals(number).name})
        self._leave(EXIT_UNFINISHED)

    def _next_signal(self) -> int | None:
        """The number of SIGNALS that arrived, or None once the worker has ended. Raises TimeoutError."""
        while received := self._signalled.recv(1):
            if received[0] in SIGNALS:
                return received[0]
        return None


def stop_once(stop: Callable[[], object]) -> None:
    """From now on the first signal asks for the stop, and the second one ends the process as ever: for commands whose
    work can be repeated. To be called in the main thread."""

    def handle(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        stop()

    for number in SIGNALS:
        signal.signal(number, handle)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """What is to be done is done by the watching thread."""

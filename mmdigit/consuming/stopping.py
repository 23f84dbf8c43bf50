"""Stops the worker and its commands on a signal: after the current batch, or at once if that takes too long."""

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
"""The worker left its batch unfinished, on a second signal or a timeout. The batch is not committed, and will be
delivered again."""


class StopSignals:
    """The first signal calls stop; a second one, or timeout_s without an end, exits the process.

    A thread of its own watches for signals, since a main thread that hangs in the model handles none. Enter in the
    main thread.
    """

    def __init__(
        self, stop: Callable[[], object], timeout_s: float, exit_process: Callable[[int], object] = os._exit
    ) -> None:
        self._stop = stop
        self._timeout_s = timeout_s
        self._exit_process = exit_process
        self._signalled, self._wakeup = socket.socketpair()
        self._wakeup.setblocking(False)
        self._thread = threading.Thread(target=self._watch, name="stop-signals", daemon=True)

    def __enter__(self) -> Self:
        # The interpreter's own signal handler writes to it, even while the main thread is busy.
        self._wakeup_before = signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, _ignore) for number in SIGNALS}
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._wakeup_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._wakeup.close()  # ends the watching thread
        self._thread.join()
        self._signalled.close()

    def _watch(self) -> None:
        number = self._next_signal()
        if number is None:
            return
        log.info("stopping after the current batch", extra={"signal": signal.Signals(number).name})
        self._stop()
        self._signalled.settimeout(self._timeout_s)
        try:
            number = self._next_signal()
        except TimeoutError:
            log.error("not finished in time, exiting without commit", extra={"stop_timeout_s": self._timeout_s})
        else:
            if number is None:
                return
            log.error("second signal, exiting without commit", extra={"signal": signal.Signals(number).name})
        self._exit_process(EXIT_UNFINISHED)

    def _next_signal(self) -> int | None:
        """The next of SIGNALS to arrive, or None once the worker has ended. Raises TimeoutError."""
        while received := self._signalled.recv(1):
            if received[0] in SIGNALS:
                return received[0]
        return None


def stop_on_first_signal(stop: Callable[[], object]) -> None:
    """Call stop on the first signal; the second one ends the process as by default. For commands whose work can be
    repeated. Call it in the main thread."""

    def handle(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        stop()

    for number in SIGNALS:
        signal.signal(number, handle)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """The watching thread acts on the signal."""

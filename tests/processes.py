"""Processes that tests start: signals as a terminal has them, and nothing left of them after the test."""

import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol


class Start(Protocol):
    """start(command, **options of Popen): a process that is killed at the end of the test if it still runs."""

    def __call__(self, command: Sequence[str], **options: Any) -> "subprocess.Popen[str]": ...


@contextmanager
def running(command: Sequence[str], **options: Any) -> Iterator["subprocess.Popen[str]"]:
    """A process with text pipes and SIGINT's default handler; at the end it is killed, reaped and its pipes are closed.

    A shell starts background jobs with SIGINT ignored, and children inherit that; a handler they do not.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(command, text=True, **options)
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        try:
            yield process
        finally:
            process.kill()

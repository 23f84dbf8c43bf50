"""Waits for rows that another connection to the SQLite file commits."""

import sqlite3
from collections.abc import Callable
from typing import TypeVar

PAUSE_S = 0.005
"""Between two looks at the file. docs/results/benchmarks.md has what it costs and brings (lab.benchmarks.waking)."""

T = TypeVar("T")


def wait_for_rows(
    connection: sqlite3.Connection,
    read: Callable[[], list[T]],
    timeout_s: float,
    *,
    monotonic: Callable[[], float],
    sleep: Callable[[float], None],
) -> list[T]:
    """What read() returns as soon as it returns any rows; an empty list if it returns none within timeout_s.

    Calls read() at once, and after a pause in which another connection has committed. Other writes of this connection
    do not wake it. Raises sqlite3's errors.
    """
    deadline_s = monotonic() + timeout_s
    seen = None
    while True:
        # Changes when another connection commits. Reading it only accesses shared memory. Before read(), so that a
        # commit during read() still counts.
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version != seen:
            seen = version
            if rows := read():
                return rows
        left_s = deadline_s - monotonic()
        if left_s <= 0:
            return []
        sleep(min(PAUSE_S, left_s))

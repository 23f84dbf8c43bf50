"""Counts the writes of each prediction in the store itself, so that none can be missed."""

import re
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from docker.models.containers import Container

_KEYS = "grep -aohE '^mmdigit:prediction:[^[:space:]]+' /data/appendonlydir/*.incr.aof"
_KEY = re.compile(rb"^mmdigit:prediction:(\S+)$", re.MULTILINE)


def redis_writes(store: Container, group: str) -> Counter[str]:
    """Writes of each job of the group (lab.kit.records.job_id_of), from the append-only file.

    There each SET has its key on its own line, and nothing else that a worker does has such a line.
    """
    output: bytes = store.exec_run(["sh", "-c", _KEYS]).output
    keys = (key.decode() for key in _KEY.findall(output.replace(b"\r", b"")))
    return Counter(key for key in keys if key.startswith(f"{group}-"))


def install_write_counter(path: Path) -> None:
    """Make the SQLite file count each write of a prediction, in the transaction of the write."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE writes (job_id TEXT PRIMARY KEY, times INTEGER NOT NULL)")
        connection.execute(
            "CREATE TRIGGER count_writes AFTER INSERT ON predictions BEGIN "
            "INSERT INTO writes VALUES (new.job_id, 1) ON CONFLICT (job_id) DO UPDATE SET times = times + 1; END"
        )
        connection.commit()


def sqlite_writes(path: Path) -> Counter[str]:
    """Writes of each job since install_write_counter."""
    with closing(sqlite3.connect(path)) as connection:
        return Counter(dict(connection.execute("SELECT job_id, times FROM writes")))


def sqlite_problem(path: Path) -> str:
    """What SQLite's integrity check finds wrong with the file; empty if nothing."""
    with closing(sqlite3.connect(path)) as connection:
        [found] = connection.execute("PRAGMA integrity_check(1)").fetchone()
    return "" if found == "ok" else f"the SQLite file is damaged: {found}"

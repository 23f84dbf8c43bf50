"""How often each prediction was written, told by the store's own log: nothing that watches it could miss a write."""

import re
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from docker.models.containers import Container

_KEYS = "grep -aohE '^mmdigit:prediction:[^[:space:]]+' /data/appendonlydir/*.incr.aof"
_KEY = re.compile(rb"^mmdigit:prediction:(\S+)$", re.MULTILINE)


def written_in_redis(store: Container, group: str) -> Counter[str]:
    """Writes of each job of the group (lab.kit.records.job_id_of), from the append-only file.

    There, each SET has its key on a line of its own, and nothing else that a worker does has.
    """
    output: bytes = store.exec_run(["sh", "-c", _KEYS]).output
    keys = (key.decode() for key in _KEY.findall(output.replace(b"\r", b"")))
    return Counter(key for key in keys if key.startswith(f"{group}-"))


def count_writes(path: Path) -> None:
    """From now on the SQLite file counts each write of a prediction, within the write's own transaction."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE written (job_id TEXT PRIMARY KEY, times INTEGER NOT NULL)")
        connection.execute(
            "CREATE TRIGGER count_writes AFTER INSERT ON predictions BEGIN "
            "INSERT INTO written VALUES (new.job_id, 1) ON CONFLICT (job_id) DO UPDATE SET times = times + 1; END"
        )
        connection.commit()


def written_in_file(path: Path) -> Counter[str]:
    """As count_writes counted them."""
    with closing(sqlite3.connect(path)) as connection:
        return Counter(dict(connection.execute("SELECT job_id, times FROM written")))


def problem_of_file(path: Path) -> str:
    """What SQLite's own check finds wrong with the file; empty if nothing."""
    with closing(sqlite3.connect(path)) as connection:
        [found] = connection.execute("PRAGMA integrity_check(1)").fetchone()
    return "" if found == "ok" else f"the SQLite file is damaged: {found}"

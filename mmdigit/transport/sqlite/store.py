"""PredictionStore on a SQLite file. Each call has the same result as on Redis."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from mmdigit.transport.encoding import decode_prediction, encode_prediction
from mmdigit.transport.ports import GroupCounts, Outcome
from mmdigit.transport.sqlite.database import map_errors, open_database, transaction
from mmdigit.transport.sqlite.waiting import wait_for_rows
from schemas.dead_letter import DeadLetter
from schemas.errors import SettingsError, StoreError
from schemas.prediction import Prediction
from schemas.printable import printable

_PREDICTION = "SELECT CAST(prediction AS BLOB) FROM predictions WHERE job_id = ? AND expires_at_s > ?"
_DEAD_NOTE = "SELECT reason FROM dead_notes WHERE job_id = ? AND expires_at_s > ?"
_OUTCOMES = """
SELECT position, outcomes.job_id, CAST(prediction AS BLOB), reason FROM outcomes
LEFT JOIN predictions ON predictions.job_id = outcomes.job_id AND predictions.expires_at_s > :now_s
LEFT JOIN dead_notes ON dead_notes.job_id = outcomes.job_id AND dead_notes.expires_at_s > :now_s
WHERE outcomes.job_group = :job_group AND position > :after AND coalesce(prediction, reason) IS NOT NULL
ORDER BY position LIMIT :limit
"""
_PURGES = (  # LIMIT bounds the time that one put spends on expired rows
    "DELETE FROM predictions WHERE job_id IN (SELECT job_id FROM predictions WHERE expires_at_s <= ? LIMIT 1000)",
    "DELETE FROM dead_notes WHERE job_id IN (SELECT job_id FROM dead_notes WHERE expires_at_s <= ? LIMIT 1000)",
    "DELETE FROM group_counts WHERE name IN (SELECT name FROM group_counts WHERE expires_at_s <= ? LIMIT 1000)",
    "DELETE FROM outcomes WHERE position IN (SELECT position FROM outcomes WHERE expires_at_s <= ? LIMIT 1000)",
)
_MAX_POSITION_DIGITS = 18
_FEED = "SELECT position, CAST(prediction AS BLOB) FROM feed WHERE position > ? ORDER BY position LIMIT ?"


class SqliteStore:
    """Predictions, dead-letter notes, group counts and the feed in one file. Never returns expired rows."""

    def __init__(
        self,
        path: Path,
        *,
        ttl_s: int,
        feed_length: int,
        as_json: bool = False,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path = path
        self._ttl_s = ttl_s
        self._feed_length = feed_length
        self._as_json = as_json
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._connection = open_database(path, StoreError)

    def put(self, predictions: Sequence[Prediction]) -> None:
        if not predictions:
            return
        with map_errors(self._path, StoreError), transaction(self._connection):
            now_s = self._clock()
            self._purge(now_s)
            for prediction in predictions:
                self._put_one(prediction, now_s)
            self._connection.execute(
                "DELETE FROM feed WHERE position <= (SELECT max(position) FROM feed) - ?", (self._feed_length,)
            )

    def put_dead_letters(self, dead_letters: Sequence[DeadLetter]) -> None:
        noted = [(letter.job_id, letter.group, letter.reason) for letter in dead_letters if letter.job_id is not None]
        if not noted:
            return
        with map_errors(self._path, StoreError), transaction(self._connection):
            now_s = self._clock()
            self._purge(now_s)
            for job_id, group, reason in noted:
                if self._exists(_PREDICTION, job_id, now_s):
                    continue
                first = not self._exists(_DEAD_NOTE, job_id, now_s)
                self._connection.execute(
                    "INSERT OR REPLACE INTO dead_notes (job_id, reason, job_group, expires_at_s) VALUES (?, ?, ?, ?)",
                    (job_id, reason, group, now_s + self._ttl_s),
                )
                self._count(group, now_s, dead=int(first))
                self._list(job_id, group, now_s, first=first)

    def get(self, job_ids: Sequence[str]) -> list[Prediction | None]:
        found = self._values(_PREDICTION, job_ids)
        return [None if value is None else decode_prediction(bytes(value)) for value in found]

    def dead_letter_reasons(self, job_ids: Sequence[str]) -> list[str | None]:
        return self._values(_DEAD_NOTE, job_ids)

    def counts(self, group: str) -> GroupCounts:
        with map_errors(self._path, StoreError):
            row = self._connection.execute(
                "SELECT done, dead FROM group_counts WHERE name = ? AND expires_at_s > ?", (group, self._clock())
            ).fetchone()
        return GroupCounts(*row) if row is not None else GroupCounts(done=0, dead=0)

    def group_outcomes(self, group: str, after: str = "", limit: int = 1000) -> list[Outcome]:
        values = {
            "now_s": self._clock(),
            "job_group": group,
            "after": _position(after, "this group"),
            "limit": limit,
        }
        with map_errors(self._path, StoreError):
            rows = self._connection.execute(_OUTCOMES, values).fetchall()
        return [
            Outcome(str(position), job_id, reason if value is None else decode_prediction(value))
            for position, job_id, value, reason in rows
        ]

    def feed(self, after: str = "", limit: int = 1000, timeout_s: float = 0.0) -> list[tuple[str, Prediction]]:
        start = _position(after, "this feed")
        with map_errors(self._path, StoreError):
            rows = wait_for_rows(
                self._connection,
                lambda: self._connection.execute(_FEED, (start, limit)).fetchall(),
                timeout_s,
                monotonic=self._monotonic,
                sleep=self._sleep,
            )
        return [(str(position), decode_prediction(value)) for position, value in rows]

    def feed_end(self) -> str:
        with map_errors(self._path, StoreError):
            (newest,) = self._connection.execute("SELECT max(position) FROM feed").fetchone()
        return "" if newest is None else str(newest)  # AUTOINCREMENT: no position is given twice

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _put_one(self, prediction: Prediction, now_s: float) -> None:
        first = not self._exists(_PREDICTION, prediction.job_id, now_s)
        value = encode_prediction(prediction, as_json=self._as_json)
        self._connection.execute(
            "INSERT OR REPLACE INTO predictions (job_id, prediction, expires_at_s) VALUES (?, ?, ?)",
            (prediction.job_id, value, now_s + self._ttl_s),
        )
        self._list(prediction.job_id, prediction.group, now_s, first=first)
        if not first:
            return
        note = self._connection.execute(
            "DELETE FROM dead_notes WHERE job_id = ? RETURNING job_group, expires_at_s", (prediction.job_id,)
        ).fetchall()
        for noted_group, expires_at_s in note:
            self._count(noted_group, now_s, dead=-int(expires_at_s > now_s))
        self._count(prediction.group, now_s, done=1)
        self._connection.execute("INSERT INTO feed (prediction) VALUES (?)", (value,))

    def _count(self, group: str | None, now_s: float, *, done: int = 0, dead: int = 0) -> None:
        if group is None:
            return
        self._connection.execute(
            "INSERT INTO group_counts (name, done, dead, expires_at_s) VALUES (?, ?, max(0, ?), ?) ON CONFLICT (name) "
            "DO UPDATE SET done = done + ?, dead = max(0, dead + ?), expires_at_s = excluded.expires_at_s",
            (group, done, dead, now_s + self._ttl_s, done, dead),
        )

    def _list(self, job_id: str, group: str | None, now_s: float, *, first: bool) -> None:
        """Add the job to the end of its group's outcomes if it is the first of its kind; else only keep it longer."""
        expires_at_s = now_s + self._ttl_s
        if not first:
            self._connection.execute("UPDATE outcomes SET expires_at_s = ? WHERE job_id = ?", (expires_at_s, job_id))
        elif group is None:
            self._connection.execute("DELETE FROM outcomes WHERE job_id = ?", (job_id,))
        else:
            self._connection.execute(
                "INSERT OR REPLACE INTO outcomes (job_id, job_group, expires_at_s) VALUES (?, ?, ?)",
                (job_id, group, expires_at_s),
            )

    def _exists(self, query: str, job_id: str, now_s: float) -> bool:
        return self._connection.execute(query, (job_id, now_s)).fetchone() is not None

    def _values(self, query: str, job_ids: Sequence[str]) -> list[Any]:
        now_s = self._clock()
        with map_errors(self._path, StoreError):
            rows = [self._connection.execute(query, (job_id, now_s)).fetchone() for job_id in job_ids]
        return [None if row is None else row[0] for row in rows]

    def _purge(self, now_s: float) -> None:
        for purge in _PURGES:
            self._connection.execute(purge, (now_s,))


def _position(after: str, of: str) -> int:
    """The row to start after. Raises SettingsError if this store never gave such a position."""
    if after and not (after.isascii() and after.isdigit() and len(after) <= _MAX_POSITION_DIGITS):
        got = printable(after, 200)
        raise SettingsError(f"expected a position in {of}, or none, got '{got}'; start again without one")
    return int(after or "0")

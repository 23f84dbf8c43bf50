"""What sqlite3, psycopg and SQLAlchemy raise, as errors of this project."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import exc

from mmdigit.database.kind import DatabaseKind
from schemas.errors import AccessError, MmdigitError, SettingsError, StoreError
from schemas.printable import printable

_REFUSED = (
    *("password authentication failed", "no password supplied", "no pg_hba.conf entry", "is not permitted to log in"),
    *("certificate verify failed", "certificate required", "does not match host name", "root certificate file"),
    *("does not support SSL", "permission denied"),
)
_REFUSED_STATES = ("28", "42501")
"""SQLSTATEs, or the first digits of them: invalid authorization, insufficient privilege."""
_NEVER_STATES = ("3D", "3F", "42", "22", "54")
"""No such database or schema, no such table or column, a value it cannot hold, a limit of the program."""
_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR)
_ADVICE = {
    sqlite3.SQLITE_BUSY: "another process has locked it",
    sqlite3.SQLITE_LOCKED: "another process has locked it",
    sqlite3.SQLITE_FULL: "free disk space",
    sqlite3.SQLITE_READONLY: "check the permissions of the file and its folder",
    sqlite3.SQLITE_PERM: "check the permissions of the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "check the permissions of the file and its folder",
}


@contextmanager
def map_errors(place: str, kind: DatabaseKind) -> Iterator[None]:
    """Convert every error of the database at place (for messages, without a password)."""
    try:
        yield
    except (exc.SQLAlchemyError, sqlite3.Error, psycopg.Error) as error:
        raise mapped(error, place, kind) from error


def mapped(error: Exception, place: str, kind: DatabaseKind) -> MmdigitError:
    cause = error.orig if isinstance(error, exc.DBAPIError) and isinstance(error.orig, Exception) else error
    reason = printable(" ".join(str(cause).split()), 300)
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # the primary code; extended ones carry more above it
        if code in _DAMAGED:
            return SettingsError(
                f"expected an intact {kind.noun}, got a damaged or another one at {place} ({reason}); restore it "
                "from a backup, or name another file"
            )
        advice = _ADVICE.get(code, "check the file and its disk")
        return StoreError(f"expected to use the database {place}, got: {reason}; {advice}")
    state = getattr(cause, "sqlstate", None) or ""
    if state.startswith(_REFUSED_STATES) or (not state and any(words in reason for words in _REFUSED)):
        return AccessError(
            f"expected access to the database {place}, got: {reason}; check the user, {kind.password}_file and the "
            "certificates in the URL"
        )
    if state.startswith(_NEVER_STATES) or (not state and reason.endswith("does not exist")):
        return SettingsError(f"expected a {kind.noun} at {place}, got: {reason}; check {kind.flag}")
    return StoreError(f"expected to use the database {place}, got: {reason}; check that it runs and can be reached")

"""Opens the database that a URL names: a SQLite file, or a PostgreSQL server.

    sqlite:///file.db, sqlite:////abs/file.db
    postgresql://user@host[:5432]/database[?sslmode=verify-full&sslrootcert=FILE[&sslcert=FILE&sslkey=FILE]]

With verify-full the server's certificate and host name are verified; without sslrootcert by the system's authorities.
No other sslmode is taken: the rest encrypt without knowing for whom. The password is never in the URL.
"""

import re
import sqlite3
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import SecretStr
from sqlalchemy import URL, Connection, Engine, create_engine, event

from mmdigit.database.errors import map_errors
from mmdigit.database.kind import DatabaseKind
from mmdigit.files.sqlite_file import prepare_file
from mmdigit.settings.redaction import LIKE_SECRET, redact
from schemas.errors import SettingsError, StoreError
from schemas.printable import printable

TIMEOUT_S = 10
"""For a connection, and for another process's transaction."""
_TLS = ("sslmode", "sslrootcert", "sslcert", "sslkey")
_SERVER = re.compile(r"(?:(?P<user>[^:@/]+)@)?(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_DATABASE = re.compile(r"/(?P<name>[A-Za-z0-9_-]{1,63})")


def open_engine(url: str, kind: DatabaseKind, password: SecretStr | None = None, *, create: bool = True) -> Engine:
    """An engine whose transactions are durable. It connects when it is used.

    create: make a SQLite file that is not there.

    Raises SettingsError for an invalid URL or an unsafe file, StoreError if the file cannot be opened now.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _invalid(url, kind, "a URL") from error
    if parts.scheme == "sqlite":
        path = unquote(parts.path)[1:]
        if parts.netloc or parts.query or parts.fragment or not path or "\0" in path or LIKE_SECRET.search(path):
            raise _invalid(url, kind, "sqlite:///FILE and nothing after it")
        if password is not None:
            raise SettingsError(f"expected postgresql:// with {kind.password}, got a SQLite file; unset the password")
        return _sqlite(Path(path), kind, create=create)
    if parts.scheme == "postgresql":
        server, database = _SERVER.fullmatch(parts.netloc), _DATABASE.fullmatch(parts.path)
        if server is None or database is None or parts.fragment:
            raise _invalid(url, kind, f"postgresql://user@host[:port]/database, the password in {kind.password}_file")
        user = unquote(server["user"]) if server["user"] else None
        address = URL.create(
            "postgresql+psycopg",
            user,
            password.get_secret_value() if password is not None else None,
            server["host"].strip("[]"),
            port,
            database["name"],
            {"connect_timeout": str(TIMEOUT_S), "application_name": "mmdigit", **_tls(url, kind, parts.query)},
        )
        return create_engine(address, pool_pre_ping=True, pool_size=1, hide_parameters=True)
    raise _invalid(url, kind, "a database URL")


def _tls(url: str, kind: DatabaseKind, query: str) -> dict[str, str]:
    given = parse_qsl(query, keep_blank_values=True)
    found = dict(given)
    if not given:
        return {"sslmode": "disable"}
    if len(found) < len(given) or not found.keys() <= set(_TLS) or found.get("sslmode") != "verify-full":
        raise _invalid(url, kind, "no parameter except sslmode=verify-full, sslrootcert, sslcert and sslkey")
    return {"sslrootcert": "system", **found}


def _sqlite(path: Path, kind: DatabaseKind, *, create: bool) -> Engine:
    if not create and not path.exists():
        shown = printable(str(path), 200)
        raise SettingsError(f"expected a {kind.noun} in the file {shown!r}, got no file; check {kind.flag}")
    real = prepare_file(path, StoreError, f"a {kind.noun}")
    engine = create_engine(
        URL.create("sqlite", database=str(real)), connect_args={"timeout": TIMEOUT_S}, pool_size=1, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # this module begins transactions, not the driver
        with map_errors(str(path), kind):
            _require_ours(connection, path, kind)
            connection.execute("PRAGMA journal_mode = WAL")
            for pragma in ("synchronous = FULL", "fullfsync = ON", "checkpoint_fullfsync = ON", "foreign_keys = ON"):
                connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        # A transaction that begins by reading could not write after another one has.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _require_ours(connection: sqlite3.Connection, path: Path, kind: DatabaseKind) -> None:
    connection.execute("BEGIN")  # both of one moment: another program of ours may be creating the tables
    [application] = connection.execute("PRAGMA application_id").fetchone()
    [tables] = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    connection.execute("COMMIT")
    if application != kind.number and (application or tables):
        raise SettingsError(
            f"expected a {kind.noun}, got a SQLite database of another program at {str(path)!r}; name another file"
        )
    if not application:
        connection.execute(f"PRAGMA application_id = {kind.number}")


def _invalid(url: str, kind: DatabaseKind, expected: str) -> SettingsError:
    return SettingsError(
        f"expected {expected}, got {redact(url)!r}; for example {kind.example} or postgresql://user@host/database"
    )

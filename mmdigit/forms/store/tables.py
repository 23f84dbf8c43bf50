"""The tables of the forms' store, the same in SQLite and PostgreSQL, and their version.

Rows are only ever added, but for the two counts that a page gets together with its values, and for an unreadable page
that is read later. Times are whole microseconds since 1970 in UTC, which both databases keep exactly.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    insert,
    inspect,
    select,
    text,
)

from schemas.errors import SettingsError

SCHEMA_VERSION = 1
NO_SERIAL, NO_PAGE = -1, 0
"""What stands for None, so that rows can be ordered and compared by these columns."""
_LOCK = 0x6D6D6466  # of PostgreSQL, so that two programs do not create the tables at once
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Number = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself in an INTEGER alone

# Ordered by code points everywhere, as Python sorts names.
_Name = Text().with_variant(Text(collation="C"), "postgresql")

_METADATA = MetaData()

SCHEMA = Table("form_schema", _METADATA, Column("version", Integer, primary_key=True, autoincrement=False))

PAGES = Table(
    "form_pages",
    _METADATA,
    Column("id", _Number, Identity(), primary_key=True),
    Column("page_group", Text, nullable=False, unique=True),
    Column("form", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("template", Text, nullable=False),
    Column("file_name", _Name, nullable=False),
    Column("file_sha256", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("scanner", Text, nullable=False),
    Column("received_us", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("serial", Integer, nullable=False),
    Column("page", Integer, nullable=False),
    Column("handwriting", LargeBinary, nullable=False),
    Column("accepted", Integer),  # fields; NULL until the page has values
    Column("review", Integer),
)
_IS_UNREAD = text("state = 'read' AND accepted IS NULL")
Index("form_pages_order", PAGES.c.template, PAGES.c.serial, PAGES.c.page, PAGES.c.received_us, PAGES.c.id)
_HAS_NO_SERIAL = text(f"serial = {NO_SERIAL}")
Index(
    "form_pages_scans", PAGES.c.template, PAGES.c.file_name, PAGES.c.file_sha256, PAGES.c.number, PAGES.c.id,
    sqlite_where=_HAS_NO_SERIAL, postgresql_where=_HAS_NO_SERIAL,
)  # fmt: skip
Index("form_pages_file", PAGES.c.file_sha256)
Index("form_pages_unread", PAGES.c.template, PAGES.c.id, sqlite_where=_IS_UNREAD, postgresql_where=_IS_UNREAD)

FIELDS = Table(
    "form_fields",
    _METADATA,
    Column("page_id", _Number, ForeignKey(PAGES.c.id), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("frame_found", Boolean, nullable=False),
    Column("cells", Text, nullable=False),  # JSON: [[state, ink_mm2, job_id], ...]
    Column("crop", LargeBinary, nullable=False),
)

VALUES = Table(
    "form_values",
    _METADATA,
    Column("page_id", _Number, ForeignKey(PAGES.c.id), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("reasons", Text, nullable=False),  # separated by spaces
    Column("chance", Double),
    Column("model_version", Text, nullable=False),
)

CHANGES = Table(
    "form_changes",
    _METADATA,
    Column("id", _Number, Identity(), primary_key=True),
    Column("page_id", _Number, ForeignKey(PAGES.c.id), nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("changed_us", BigInteger, nullable=False),
    Column("share", Double),
)
Index("form_changes_field", CHANGES.c.page_id, CHANGES.c.name)


def prepare_schema(connection: Connection, place: str) -> None:
    """Create the tables if there are none; in a transaction. place: of the database, for messages.

    Raises SettingsError if they are of another release.
    """
    if not inspect(connection).has_table(SCHEMA.name):
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        if not inspect(connection).has_table(SCHEMA.name):  # another program may have been faster
            _METADATA.create_all(connection)
            connection.execute(insert(SCHEMA).values(version=SCHEMA_VERSION))
    version = connection.execute(select(SCHEMA.c.version)).scalar_one_or_none()
    if version != SCHEMA_VERSION:
        raise SettingsError(
            f"expected tables of version {SCHEMA_VERSION} in {place}, got version {version}, of another release; "
            "use that release, or name another database"
        )


def to_us(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)


def from_us(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)

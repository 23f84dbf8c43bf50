"""The tables of the forms' store, the same in SQLite and PostgreSQL, and their version.

Rows are only ever added, but for the two counts that a page gets together with its values, for an unreadable page
that is read later, and for claims and leases, which end. Times: mmdigit.database.schema.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

from mmdigit.database.kind import DatabaseKind
from mmdigit.database.schema import ORDERED_TEXT, ROW_NUMBER, Schema, versions_table

FORMS = DatabaseKind(
    noun="database of forms",
    flag="--forms",
    password="forms_password",  # noqa: S106  the setting's name
    example="sqlite:///forms.db",
    number=0x6D6D6466,  # "mmdf"
)
NO_SERIAL, NO_PAGE = -1, 0
"""What stands for None, so that rows can be ordered and compared by these columns."""
WHOLE = -1
"""The box of a lease of a whole field."""

_METADATA = MetaData()

PAGES = Table(
    "form_pages",
    _METADATA,
    Column("id", ROW_NUMBER, Identity(), primary_key=True),
    Column("page_group", Text, nullable=False, unique=True),
    Column("form", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("template", Text, nullable=False),
    Column("file_name", ORDERED_TEXT, nullable=False),
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
    Column("page_id", ROW_NUMBER, ForeignKey(PAGES.c.id), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("frame_found", Boolean, nullable=False),
    Column("cells", Text, nullable=False),  # JSON: [[state, ink_mm2, job_id, line], ...]; line: of a free field alone
    Column("crop", LargeBinary, nullable=False),
)

VALUES = Table(
    "form_values",
    _METADATA,
    Column("page_id", ROW_NUMBER, ForeignKey(PAGES.c.id), primary_key=True),
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
    Column("id", ROW_NUMBER, Identity(), primary_key=True),
    Column("page_id", ROW_NUMBER, ForeignKey(PAGES.c.id), nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("changed_us", BigInteger, nullable=False),
    Column("share", Double),
)
Index("form_changes_field", CHANGES.c.page_id, CHANGES.c.name)

CLAIMS = Table(
    "form_claims",
    _METADATA,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("claimed_group", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("clerk", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
)
Index("form_claims_group", CLAIMS.c.tenant, CLAIMS.c.claimed_group, CLAIMS.c.expires_us)
Index("form_claims_expires", CLAIMS.c.expires_us)

LEASES = Table(
    "form_leases",
    _METADATA,
    Column("page_id", ROW_NUMBER, ForeignKey(PAGES.c.id), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("box", Integer, primary_key=True),
    Column("claim", Text, ForeignKey(CLAIMS.c.id), nullable=False),
    Column("keyed", Boolean, nullable=False),  # then it holds nothing any more, but its claim may undo
)
Index("form_leases_claim", LEASES.c.claim)

BOX_KEYS = Table(
    "form_box_keys",
    _METADATA,
    Column("id", ROW_NUMBER, Identity(), primary_key=True),
    Column("page_id", ROW_NUMBER, ForeignKey(PAGES.c.id), nullable=False),
    Column("name", Text, nullable=False),
    Column("box", Integer, nullable=False),
    Column("digit", Integer),  # NULL: none that a person can read
    Column("keyed_by", Text, nullable=False),
    Column("keyed_us", BigInteger, nullable=False),
)
Index("form_box_keys_field", BOX_KEYS.c.page_id, BOX_KEYS.c.name)

HEARD = Table(
    "form_heard",
    _METADATA,
    Column("page_id", ROW_NUMBER, ForeignKey(PAGES.c.id), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("sound", Text),  # the name of the row of SOUNDS
    Column("reason", Text),
    Column("boxes", Text, nullable=False),  # JSON: [[heard, start_s, end_s, box, written], ...]
)

SOUNDS = Table(
    "form_sounds",
    _METADATA,
    Column("page_id", ROW_NUMBER, ForeignKey(PAGES.c.id), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("sound", LargeBinary, nullable=False),  # a WAV file
)

SCHEMA = Schema(
    FORMS, 3, _METADATA, versions_table("form_schema", _METADATA),
    {2: (CLAIMS, LEASES, BOX_KEYS), 3: (HEARD, SOUNDS)},
)  # fmt: skip

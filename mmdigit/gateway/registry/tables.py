"""The tables of the registry, the same in SQLite and PostgreSQL, and their version."""

from sqlalchemy import BigInteger, Column, ForeignKey, Identity, Index, Integer, MetaData, Table, Text, text

from mmdigit.database.kind import DatabaseKind
from mmdigit.database.schema import ROW_NUMBER, Schema, versions_table

GATEWAY = DatabaseKind(
    noun="database of the gateway",
    flag="--database",
    password="database_password",  # noqa: S106  the setting's name
    example="sqlite:///gateway.db",
    number=0x6D6D6467,  # "mmdg"
)

_METADATA = MetaData()

SCHEMA = Schema(GATEWAY, 1, _METADATA, versions_table("gateway_schema", _METADATA))

TOKENS = Table(
    "gateway_tokens",
    _METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("scopes", Text, nullable=False),  # separated by spaces
    Column("secret_sha256", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger),
    Column("revoked_us", BigInteger),
)

GROUPS = Table(
    "gateway_groups",
    _METADATA,
    Column("id", ROW_NUMBER, Identity(), primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("jobs", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("finished_us", BigInteger),
)
Index("gateway_groups_name", GROUPS.c.tenant, GROUPS.c.name, unique=True)
Index("gateway_groups_order", GROUPS.c.tenant, GROUPS.c.created_us, GROUPS.c.id)

GROUP_JOBS = Table(  # by which a job or page that is sent again is known
    "gateway_group_jobs",
    _METADATA,
    Column("group_id", ROW_NUMBER, ForeignKey(GROUPS.c.id), primary_key=True),
    Column("number", BigInteger, primary_key=True),
)

GROUP_PAGES = Table(
    "gateway_group_pages",
    _METADATA,
    Column("group_id", ROW_NUMBER, ForeignKey(GROUPS.c.id), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("page", Text, nullable=False),
)
Index("gateway_group_pages_page", GROUP_PAGES.c.group_id, GROUP_PAGES.c.page, unique=True)

WEBHOOKS = Table(
    "gateway_webhooks",
    _METADATA,
    Column("id", ROW_NUMBER, Identity(), primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("group_name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("state", Text, nullable=False),  # waiting, delivered or failed
    Column("due_us", BigInteger, nullable=False),  # a claim moves it to the end of its lease
    Column("attempts", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("ended_us", BigInteger),
)
Index("gateway_webhooks_url", WEBHOOKS.c.tenant, WEBHOOKS.c.group_name, WEBHOOKS.c.url, unique=True)
_IS_WAITING = text("state = 'waiting'")
Index(
    "gateway_webhooks_due", WEBHOOKS.c.due_us, WEBHOOKS.c.id, sqlite_where=_IS_WAITING, postgresql_where=_IS_WAITING
)  # fmt: skip

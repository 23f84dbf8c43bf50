"""Settings of every program that uses the gateway's database: its URL and its password."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr

from mmdigit.settings.base import ProgramSettings
from mmdigit.settings.secrets import read_secret


class GatewayDatabaseSettings(ProgramSettings):
    """Where the gateway keeps its tokens, groups and webhooks."""

    database_url: Annotated[
        str,
        Field(
            validation_alias="database",
            repr=False,
            description="database of the gateway's tokens, groups and webhooks: sqlite:///gateway.db, or "
            "postgresql://user@host/database (?sslmode=verify-full&sslrootcert=FILE for TLS)",
        ),
    ] = "sqlite:///gateway.db"
    database_password: Annotated[
        SecretStr | None,
        Field(
            min_length=1,
            description="password of the PostgreSQL user; only a variable, because every user can read flags",
        ),
    ] = None
    database_password_file: Annotated[
        Path | None, Field(description="file with its password; or set MMDIGIT_DATABASE_PASSWORD")
    ] = None

    @property
    def gateway_database_password(self) -> SecretStr | None:
        """Read from its file. Raises SettingsError if that is missing."""
        return read_secret(self.database_password, self.database_password_file, "database_password_file")

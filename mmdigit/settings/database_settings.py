"""Settings of every program that uses the forms' own database: its URL and its password."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr

from mmdigit.settings.base import ProgramSettings
from mmdigit.settings.secrets import read_secret

FORMS_URL = "sqlite:///forms.db, or postgresql://user@host/database (?sslmode=verify-full&sslrootcert=FILE for TLS)"


class DatabasePasswordSettings(ProgramSettings):
    """The password of the forms' database."""

    forms_password: Annotated[
        SecretStr | None,
        Field(
            min_length=1,
            description="password of the PostgreSQL user; only a variable, because every user can read flags",
        ),
    ] = None
    forms_password_file: Annotated[
        Path | None, Field(description="file with its password; or set MMDIGIT_FORMS_PASSWORD")
    ] = None

    @property
    def forms_database_password(self) -> SecretStr | None:
        """Read from its file. Raises SettingsError if that is missing."""
        return read_secret(self.forms_password, self.forms_password_file, "forms_password_file")


class DatabaseSettings(DatabasePasswordSettings):
    """Where the forms' database is."""

    forms_url: Annotated[
        str,
        Field(
            validation_alias="forms",
            repr=False,
            examples=["sqlite:///forms.db"],
            description=f"database of the forms: {FORMS_URL}",
        ),
    ]

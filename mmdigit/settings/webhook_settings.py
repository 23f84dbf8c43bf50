"""The secret from which each tenant's key of webhooks follows."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr

from mmdigit.settings.base import ProgramSettings
from mmdigit.settings.secrets import read_secret
from schemas.errors import SettingsError

MIN_SECRET_CHARACTERS = 32


class WebhookSecretSettings(ProgramSettings):
    """The secret of a program that signs webhooks, or tells a tenant's key."""

    webhook_secret: Annotated[
        SecretStr | None,
        Field(
            min_length=MIN_SECRET_CHARACTERS,
            description="secret that signs webhooks, such as of `openssl rand -base64 32`; only a variable, because "
            "every user can read flags",
        ),
    ] = None
    webhook_secret_file: Annotated[Path | None, Field(description="file with it; or set MMDIGIT_WEBHOOK_SECRET")] = None

    @property
    def signing_secret(self) -> SecretStr | None:
        """Read from its file. Raises SettingsError if that is missing or too short."""
        secret = read_secret(self.webhook_secret, self.webhook_secret_file, "webhook_secret_file")
        if secret is not None and len(secret.get_secret_value()) < MIN_SECRET_CHARACTERS:
            raise SettingsError(
                f"expected a webhook secret of at least {MIN_SECRET_CHARACTERS} characters, got a shorter one; make it "
                "with `openssl rand -base64 32`"
            )
        return secret

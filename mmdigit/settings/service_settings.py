"""Settings of every program that runs as a service: where it serves its metrics, and how it logs."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from mmdigit.settings.base import ProgramSettings
from mmdigit.settings.secrets import read_secret

MetricsPort = Annotated[
    int, Field(ge=0, le=65535, description="port of /metrics, /healthz and /readyz; 0 picks a free one and logs it")
]
"""Each program has a default of its own, so that all of them run on one machine."""


class ServiceSettings(ProgramSettings):
    """Where metrics are, who may read them, and the log."""

    metrics_host: Annotated[str, Field(description="address of /metrics, /healthz and /readyz")] = "127.0.0.1"
    metrics_port: MetricsPort = 9100
    metrics_token: Annotated[
        SecretStr | None,
        Field(min_length=1, description="bearer token required to read /metrics; only as a variable, not as a flag"),
    ] = None
    metrics_token_file: Annotated[
        Path | None, Field(description="file with the token; or set MMDIGIT_METRICS_TOKEN")
    ] = None
    json_logs: Annotated[bool, Field(description="log one JSON object a line instead of text")] = False
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Field(description="lowest level to log")] = (
        "info"
    )

    @property
    def read_token(self) -> SecretStr | None:
        """The token that /metrics asks for, read from its file. Raises SettingsError if that is missing."""
        return read_secret(self.metrics_token, self.metrics_token_file, "metrics_token_file")

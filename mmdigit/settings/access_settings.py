"""Settings by which programs access Kafka and Redis: security, certificates, users, passwords.

TLS always verifies certificates and host names; no setting turns that off. For a private authority, set its file.
"""

import os
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from mmdigit.settings.access import Access, Certificates, KafkaAccess, KafkaSecurity, RedisAccess
from mmdigit.settings.base import ProgramSettings
from mmdigit.settings.secrets import read_secret


class KafkaAccessSettings(ProgramSettings):
    """Settings of a program that talks to Kafka."""

    kafka_security: Annotated[
        KafkaSecurity,
        Field(
            description="how to connect to Kafka: plaintext; tls (mutual with --kafka-cert-file); scram, a password "
            "(SCRAM-SHA-512) over TLS; msk-iam, AWS credentials over TLS (needs the extra msk)"
        ),
    ] = "plaintext"
    kafka_ca_file: Annotated[
        Path | None, Field(description="PEM file of the authorities that may sign Kafka's certificate")
    ] = None
    kafka_cert_file: Annotated[Path | None, Field(description="PEM file of the client certificate for Kafka")] = None
    kafka_key_file: Annotated[Path | None, Field(description="PEM file of its key, unencrypted")] = None
    kafka_username: Annotated[str | None, Field(min_length=1, description="Kafka user (scram)")] = None
    kafka_password: Annotated[
        SecretStr | None,
        Field(min_length=1, description="its password; only a variable, because every user can read flags"),
    ] = None
    kafka_password_file: Annotated[
        Path | None, Field(description="file with its password; or set MMDIGIT_KAFKA_PASSWORD")
    ] = None
    kafka_aws_region: Annotated[str | None, Field(min_length=1, description="AWS region of MSK (msk-iam)")] = None

    @model_validator(mode="after")
    def _kafka_access_is_complete(self) -> Self:
        names = ("ca_file", "cert_file", "key_file", "username", "password", "password_file", "aws_region")
        given = [f"kafka_{name}" for name in names if getattr(self, f"kafka_{name}") is not None]
        allowed = {
            "plaintext": (),
            "tls": names[:3],
            "scram": names[:6],
            "msk-iam": ("ca_file", "aws_region"),
        }[self.kafka_security]
        for name in given:
            # Otherwise a user might believe that an unused password protects something.
            if name.removeprefix("kafka_") not in allowed:
                raise ValueError(
                    f"expected no {name} with kafka_security {self.kafka_security}; unset it, or change kafka_security"
                )
        if self.kafka_security == "scram" and (
            self.kafka_username is None or (self.kafka_password is None and self.kafka_password_file is None)
        ):
            raise ValueError(
                "expected kafka_username and kafka_password_file or kafka_password with kafka_security scram; set them"
            )
        if self.kafka_security == "msk-iam" and self.kafka_aws_region is None:
            raise ValueError("expected kafka_aws_region with kafka_security msk-iam; set it")
        _require_pair(self, "kafka")
        return self

    @property
    def kafka_access(self) -> KafkaAccess:
        """The settings, with the password read from its file. Raises SettingsError if a file is missing."""
        return KafkaAccess(
            self.kafka_security,
            Certificates(self.kafka_ca_file, self.kafka_cert_file, self.kafka_key_file),
            self.kafka_username,
            read_secret(self.kafka_password, self.kafka_password_file, "kafka_password_file"),
            self.kafka_aws_region,
        )


class RedisAccessSettings(ProgramSettings):
    """Settings of a program that talks to Redis."""

    redis_ca_file: Annotated[
        Path | None, Field(description="PEM file of the authorities that may sign Redis's certificate (rediss://)")
    ] = None
    redis_cert_file: Annotated[Path | None, Field(description="PEM file of the client certificate for Redis")] = None
    redis_key_file: Annotated[Path | None, Field(description="PEM file of its key, unencrypted")] = None
    redis_username: Annotated[str | None, Field(min_length=1, description="Redis ACL user")] = None
    redis_password: Annotated[
        SecretStr | None,
        Field(min_length=1, description="its password; only a variable, because every user can read flags"),
    ] = None
    redis_password_file: Annotated[
        Path | None, Field(description="file with its password; or set MMDIGIT_REDIS_PASSWORD")
    ] = None
    redis_sentinel_username: Annotated[
        str | None, Field(min_length=1, description="ACL user of the sentinels (redis+sentinel://)")
    ] = None
    redis_sentinel_password: Annotated[
        SecretStr | None,
        Field(min_length=1, description="its password; only a variable, because every user can read flags"),
    ] = None
    redis_sentinel_password_file: Annotated[
        Path | None, Field(description="file with its password; or set MMDIGIT_REDIS_SENTINEL_PASSWORD")
    ] = None

    @model_validator(mode="after")
    def _redis_access_is_complete(self) -> Self:
        _require_pair(self, "redis")
        for user in ("redis", "redis_sentinel"):
            password = getattr(self, f"{user}_password") or getattr(self, f"{user}_password_file")
            if getattr(self, f"{user}_username") is not None and password is None:
                raise ValueError(f"expected {user}_password_file (or {user}_password) with {user}_username; set it")
        return self

    @property
    def redis_access(self) -> RedisAccess:
        """The settings, with passwords read from their files. Raises SettingsError if a file is missing."""
        return RedisAccess(
            Certificates(self.redis_ca_file, self.redis_cert_file, self.redis_key_file),
            self.redis_username,
            read_secret(self.redis_password, self.redis_password_file, "redis_password_file"),
            self.redis_sentinel_username,
            read_secret(
                self.redis_sentinel_password, self.redis_sentinel_password_file, "redis_sentinel_password_file"
            ),
        )


class AccessSettings(RedisAccessSettings, KafkaAccessSettings):
    """Settings of a program that talks to Kafka and Redis."""

    @model_validator(mode="after")
    def _metrics_are_single_process(self) -> Self:
        # prometheus_client has read the variable by now, and would write each metric to files in that folder.
        for name in ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"):
            if name in os.environ:
                raise ValueError(f"expected no variable {name}: it is for multi-process programs; unset it")
        return self

    @property
    def access(self) -> Access:
        """The settings as Access, with passwords read from their files. Raises SettingsError if a file is missing."""
        return Access(self.kafka_access, self.redis_access)


def _require_pair(settings: ProgramSettings, place: str) -> None:
    if (getattr(settings, f"{place}_cert_file") is None) != (getattr(settings, f"{place}_key_file") is None):
        raise ValueError(f"expected both or none of {place}_cert_file and {place}_key_file, got one; set both")

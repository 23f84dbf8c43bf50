"""Security and credentials for Kafka and Redis, as the adapters take them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import SecretStr

KafkaSecurity = Literal["plaintext", "tls", "scram", "msk-iam"]


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files. ca: trusted authorities, by default the system's. certificate, key: for mutual TLS."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class KafkaAccess:
    """How to reach brokers. repr() hides the password."""

    security: KafkaSecurity = "plaintext"
    certificates: Certificates = Certificates()
    username: str | None = None
    password: SecretStr | None = None
    aws_region: str | None = None


@dataclass(frozen=True, slots=True)
class RedisAccess:
    """How to reach a store. The URL scheme rediss turns on TLS. sentinel_*: only for the sentinels."""

    certificates: Certificates = Certificates()
    username: str | None = None
    password: SecretStr | None = None
    sentinel_username: str | None = None
    sentinel_password: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """Access to both. The default has no encryption and no authentication, for a local machine."""

    kafka: KafkaAccess = KafkaAccess()
    redis: RedisAccess = RedisAccess()

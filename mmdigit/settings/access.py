"""How a client proves itself to Kafka and Redis: values that the adapters take."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import SecretStr

KafkaSecurity = Literal["plaintext", "tls", "scram", "msk-iam"]


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files. ca: whom to believe, by default the system's list; certificate and key: who we are (mutual TLS)."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class KafkaAccess:
    """How to reach brokers. The password is shown by no repr."""

    security: KafkaSecurity = "plaintext"
    certificates: Certificates = Certificates()
    username: str | None = None
    password: SecretStr | None = None
    aws_region: str | None = None


@dataclass(frozen=True, slots=True)
class RedisAccess:
    """How to reach a store; TLS is asked for by a URL that begins with rediss. sentinel_*: for the sentinels alone."""

    certificates: Certificates = Certificates()
    username: str | None = None
    password: SecretStr | None = None
    sentinel_username: str | None = None
    sentinel_password: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """Both; the default is neither encrypted nor authenticated, for one's own machine."""

    kafka: KafkaAccess = KafkaAccess()
    redis: RedisAccess = RedisAccess()

"""Access settings: required combinations, secrets from files, and no secret in plain sight."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from mmdigit.settings.access import Access
from mmdigit.settings.secrets import read_secret
from schemas.errors import SettingsError
from worker.settings import WorkerSettings

PLACES = {"from": "kafka://host/jobs", "store": "redis://host/0"}


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("s3cret\n")
    return path


def load(**settings: object) -> WorkerSettings:
    return WorkerSettings.load([f"--{name.replace('_', '-')}={value}" for name, value in (PLACES | settings).items()])


def test_access_defaults_to_plaintext() -> None:
    assert load().access == Access()


def test_password_from_a_file_is_never_shown(password: Path) -> None:
    settings = load(
        kafka_security="scram",
        kafka_username="worker",
        kafka_password_file=password,
        redis_username="worker",
        redis_password_file=password,
        redis_sentinel_username="watcher",
        redis_sentinel_password_file=password,
    )
    access = settings.access
    assert access.kafka.password == access.redis.password == SecretStr("s3cret")
    assert (access.redis.sentinel_username, access.redis.sentinel_password) == ("watcher", SecretStr("s3cret"))
    assert "s3cret" not in f"{settings!r} {settings} {access!r} {settings.model_dump()}"


def test_password_from_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMDIGIT_KAFKA_PASSWORD", "s3cret")
    settings = load(kafka_security="scram", kafka_username="worker")
    assert settings.access.kafka.password == SecretStr("s3cret")
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    "flag", ["--kafka-password", "--redis-password", "--redis-sentinel-password", "--metrics-token"]
)
@pytest.mark.parametrize("joined", [True, False])
def test_secrets_are_not_flags(flag: str, joined: bool) -> None:
    argv = [f"--{name}={value}" for name, value in PLACES.items()]
    with pytest.raises(SettingsError, match=f"no secret on the command line.*{flag}-file") as caught:
        WorkerSettings.load([*argv, *([f"{flag}=s3cret"] if joined else [flag, "s3cret"])])
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"kafka_security": "scram", "kafka_username": "u"}, "expected kafka_username and kafka_password_file"),
        ({"kafka_security": "msk-iam"}, "expected kafka_aws_region with kafka_security msk-iam"),
        ({"kafka_username": "u"}, "expected no kafka_username with kafka_security plaintext"),
        ({"kafka_ca_file": "ca.pem"}, "expected no kafka_ca_file with kafka_security plaintext"),
        ({"kafka_security": "tls", "kafka_cert_file": "c.pem"}, "both or none of kafka_cert_file and kafka_key_file"),
        ({"redis_key_file": "k.pem"}, "both or none of redis_cert_file and redis_key_file"),
        ({"redis_username": "u"}, r"expected redis_password_file .* with redis_username"),
        ({"redis_sentinel_username": "u"}, r"expected redis_sentinel_password_file .* with redis_sentinel_username"),
        ({"kafka_security": "ssl"}, "kafka_security"),
    ],
)
def test_access_settings_reject_contradictions(settings: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        load(**settings)


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "No such file"), (b"", "got none"), (b"\n", "got none"), (b"a\nb\n", "got more"), (b"\xff", "not UTF-8")],
)
def test_read_secret_names_a_file_without_one_line(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=says) as caught:
        read_secret(None, path, "kafka_password_file")
    assert "kafka_password_file" in str(caught.value)
    assert str(path) in str(caught.value)

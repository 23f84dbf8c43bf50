"""Security arguments for Kafka clients, and AWS's own signer with made-up credentials."""

import base64
import ssl
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from kafka.errors import (
    KafkaConnectionError,
    SaslAuthenticationFailedError,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)
from pydantic import SecretStr

from mmdigit.settings.access import Certificates, KafkaAccess
from mmdigit.transport.kafka.access import MskTokenProvider, client_arguments, refusal_reason
from schemas.errors import SettingsError

SCRAM = KafkaAccess("scram", username="u", password=SecretStr("p"))
MSK = KafkaAccess("msk-iam", aws_region="eu-central-1")


def test_client_arguments_are_empty_for_plaintext() -> None:
    assert client_arguments(KafkaAccess()) == {}


@pytest.mark.parametrize("access", [KafkaAccess("tls"), SCRAM, MSK])
def test_client_arguments_always_verify_tls(access: KafkaAccess) -> None:
    context = client_arguments(access)["ssl_context"]
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_client_arguments_send_passwords_only_over_tls() -> None:
    arguments = client_arguments(SCRAM)
    assert (arguments["security_protocol"], arguments["sasl_mechanism"]) == ("SASL_SSL", "SCRAM-SHA-512")
    assert (arguments["sasl_plain_username"], arguments["sasl_plain_password"]) == ("u", "p")


def test_msk_token_is_signed_for_each_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDMADEUP")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    arguments = client_arguments(MSK)
    assert (arguments["security_protocol"], arguments["sasl_mechanism"]) == ("SASL_SSL", "OAUTHBEARER")
    token = arguments["sasl_oauth_token_provider"].token()
    url = urlsplit(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode())
    asked = parse_qs(url.query)
    assert url.netloc == "kafka.eu-central-1.amazonaws.com"
    assert asked["Action"] == ["kafka-cluster:Connect"]
    assert asked["X-Amz-Credential"][0].startswith("AKIDMADEUP/")


def test_msk_token_without_credentials_is_a_refusal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(SaslAuthenticationFailedError, match="no AWS credentials"):
        MskTokenProvider("eu-central-1").token()


@pytest.mark.parametrize(
    ("error", "access", "says"),
    [
        (SaslAuthenticationFailedError("x"), SCRAM, "authentication of user 'u' failed"),
        (SaslAuthenticationFailedError("x"), MSK, "check the AWS credentials"),
        (UnsupportedSaslMechanismError("x"), SCRAM, "does not support kafka_security scram"),
        (TopicAuthorizationFailedError("x"), SCRAM, "lacks a permission"),
        (KafkaConnectionError("socket disconnected"), KafkaAccess(), None),  # a starting broker does the same
        (KafkaConnectionError("CERTIFICATE_VERIFY_FAILED: certificate has expired"), SCRAM, "has expired"),
        (KafkaConnectionError("CERTIFICATE_VERIFY_FAILED: Hostname mismatch"), SCRAM, "another host name"),
        (KafkaConnectionError("CERTIFICATE_VERIFY_FAILED: self-signed"), SCRAM, "set kafka_ca_file"),
        (KafkaConnectionError("refused"), SCRAM, None),
    ],
)
def test_refusal_reason_says_what_to_do(error: Exception, access: KafkaAccess, says: str | None) -> None:
    why = refusal_reason(error, access)
    assert why is None if says is None else why is not None and says in why


def test_client_arguments_name_an_unusable_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for path, says in ((tmp_path / "missing.pem", "readable file"), (tmp_path / "ca.pem", "PEM certificates")):
        with pytest.raises(SettingsError, match=f"{says}.*kafka_ca_file"):
            client_arguments(KafkaAccess("tls", Certificates(ca=path)))

"""What the Kafka clients are told of security, and what a broker's refusal means."""

from typing import Any

from kafka.errors import (
    AuthorizationError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)
from kafka.net.connection import KafkaConnection
from kafka.net.manager import KafkaConnectionManager
from kafka.net.sasl.oauth import AbstractTokenProvider

from mmdigit.settings.access import KafkaAccess
from mmdigit.transport.tls import refusal, tls_context
from schemas.errors import SettingsError

SCRAM = "SCRAM-SHA-512"


class MskToken(AbstractTokenProvider):  # type: ignore[misc]  # kafka-python has no types
    """Tokens of AWS's own signer: from the machine's credentials, without a request to MSK; anew for each log-in."""

    def __init__(self, region: str) -> None:
        super().__init__()
        try:
            from aws_msk_iam_sasl_signer import MSKAuthTokenProvider
        except ImportError as error:
            raise SettingsError(
                "expected the package aws-msk-iam-sasl-signer-python for kafka_security msk-iam, got none; "
                "run `pip install 'mmdigit[msk]'` first"
            ) from error
        self._generate = MSKAuthTokenProvider.generate_auth_token
        self._region = region

    def token(self) -> str:
        """Raises SaslAuthenticationFailedError if there are no AWS credentials, or they cannot be had."""
        try:
            token, _expires_ms = self._generate(self._region)
        except Exception as error:  # botocore's tree has no common root that the signer keeps to
            raise SaslAuthenticationFailedError(f"no AWS credentials to sign with: {error}") from error
        return str(token)


def client_arguments(access: KafkaAccess) -> dict[str, Any]:
    """The arguments for every client of kafka-python. Raises SettingsError if a file or package is missing."""
    if access.security == "plaintext":
        return {}
    arguments: dict[str, Any] = {"security_protocol": "SSL", "ssl_context": tls_context(access.certificates, "kafka")}
    if access.security == "scram":
        arguments |= {
            "security_protocol": "SASL_SSL",  # a password never travels in the clear
            "sasl_mechanism": SCRAM,
            "sasl_plain_username": access.username,
            "sasl_plain_password": access.password.get_secret_value() if access.password else None,
        }
    elif access.security == "msk-iam":
        arguments |= {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "OAUTHBEARER",
            "sasl_oauth_token_provider": MskToken(access.aws_region or ""),
        }
    return arguments


def why_refused(error: BaseException, access: KafkaAccess) -> str | None:
    """What the broker's refusal means and what to do; None if the error is no matter of access."""
    text = str(error)
    if isinstance(error, SaslAuthenticationFailedError):
        if access.security == "msk-iam":
            return f"authentication failed ({text}); check the AWS credentials, their policy and kafka_aws_region"
        return f"authentication of user {access.username!r} failed; check kafka_username and kafka_password_file"
    if isinstance(error, UnsupportedSaslMechanismError):
        return f"it does not take kafka_security {access.security} ({text}); enable it, or set another"
    if isinstance(error, AuthorizationError):
        return "this user lacks a right (an ACL) for it; deploy/kafka/acls.sh grants those that are needed"
    return None if access.security == "plaintext" else refusal(text, "kafka")


def likely_cause(access: KafkaAccess) -> str:
    """What to look at when no broker could be reached. A broker that is asked for the wrong protocol hangs up without
    a word, as one does that is just starting behind a proxy: so this is advice, and no AccessError."""
    if access.security == "plaintext":
        return "check the address and the broker, and whether this port wants TLS (kafka_security)"
    return "check the address and the broker, and whether this port speaks TLS (else kafka_security plaintext)"


class WatchedConnections(KafkaConnectionManager):  # type: ignore[misc]  # kafka-python has no types
    """Remembers why brokers refused: kafka-python 3.0.12 reports each failed start as a time-out, after all of it.

    A start ends at once when each of the named brokers has refused for a reason that time does not heal.
    """

    def __init__(self, net: Any, access: KafkaAccess, **config: Any) -> None:
        super().__init__(net, **config)
        self.last_refusal: BaseException | None = None
        self._access = access
        self._refused: dict[object, BaseException] = {}

    async def _connect(self, node: Any, conn: KafkaConnection, **options: Any) -> None:
        await super()._connect(node, conn, **options)
        if self.bootstrapped or not conn.init_future.failed():
            return
        error = conn.init_future.exception
        if why_refused(error, self._access) is None:
            return
        self.last_refusal = self._refused[node.node_id] = error
        if len(self._refused) == len(self.cluster.bootstrap_brokers()):
            # What kafka-python raises from its next attempt; it keeps it up to date for this purpose, but never fills
            # it where authentication fails.
            self._auth_failures.update(self._refused)

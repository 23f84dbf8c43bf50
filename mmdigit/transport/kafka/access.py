"""Security settings for kafka-python's clients, and an explanation of each refusal by a broker."""

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
from mmdigit.transport.tls import tls_context, tls_failure
from schemas.errors import SettingsError

SCRAM = "SCRAM-SHA-512"


class MskTokenProvider(AbstractTokenProvider):  # type: ignore[misc]  # kafka-python has no types
    """Signs a new token from the machine's AWS credentials for each login, without a request to MSK."""

    def __init__(self, region: str) -> None:
        super().__init__()
        try:
            from aws_msk_iam_sasl_signer import MSKAuthTokenProvider
        except ImportError as error:
            raise SettingsError(
                "expected the package aws-msk-iam-sasl-signer-python for kafka_security msk-iam, got none; "
                "run `pip install 'mmdigit[msk]'`"
            ) from error
        self._generate = MSKAuthTokenProvider.generate_auth_token
        self._region = region

    def token(self) -> str:
        """Raises SaslAuthenticationFailedError if the AWS credentials are missing or cannot be loaded."""
        try:
            token, _expires_ms = self._generate(self._region)
        except Exception as error:  # the signer's errors have no common base class
            raise SaslAuthenticationFailedError(f"no AWS credentials to sign with: {error}") from error
        return str(token)


def client_arguments(access: KafkaAccess) -> dict[str, Any]:
    """Security arguments for every kafka-python client. Raises SettingsError if a file or package is missing."""
    if access.security == "plaintext":
        return {}
    arguments: dict[str, Any] = {"security_protocol": "SSL", "ssl_context": tls_context(access.certificates, "kafka")}
    if access.security == "scram":
        arguments |= {
            "security_protocol": "SASL_SSL",  # never send a password in the clear
            "sasl_mechanism": SCRAM,
            "sasl_plain_username": access.username,
            "sasl_plain_password": access.password.get_secret_value() if access.password else None,
        }
    elif access.security == "msk-iam":
        arguments |= {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "OAUTHBEARER",
            "sasl_oauth_token_provider": MskTokenProvider(access.aws_region or ""),
        }
    return arguments


def refusal_reason(error: BaseException, access: KafkaAccess) -> str | None:
    """Why the broker refused access and what to do; None if the error is not about access."""
    text = str(error)
    if isinstance(error, SaslAuthenticationFailedError):
        if access.security == "msk-iam":
            return f"authentication failed ({text}); check the AWS credentials, their policy and kafka_aws_region"
        return f"authentication of user {access.username!r} failed; check kafka_username and kafka_password_file"
    if isinstance(error, UnsupportedSaslMechanismError):
        return f"it does not support kafka_security {access.security} ({text}); enable it, or set another"
    if isinstance(error, AuthorizationError):
        return "this user lacks a permission (an ACL); deploy/kafka/acls.sh grants the required ones"
    return None if access.security == "plaintext" else tls_failure(text, "kafka")


def connection_advice(access: KafkaAccess) -> str:
    """What to check when no broker could be reached.

    Advice rather than an AccessError: a broker closes the connection on the wrong protocol, but so does a proxy whose
    broker is still starting.
    """
    if access.security == "plaintext":
        return "check the address and the broker, and whether this port requires TLS (kafka_security)"
    return "check the address and the broker, and whether this port uses TLS (else kafka_security plaintext)"


class RefusalTracker(KafkaConnectionManager):  # type: ignore[misc]  # kafka-python has no types
    """Remembers why brokers refused access: kafka-python 3.0.12 reports every failed start as a timeout.

    Also ends a start at once when every bootstrap broker has refused for a permanent reason.
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
        if refusal_reason(error, self._access) is None:
            return
        self.last_refusal = self._refused[node.node_id] = error
        if len(self._refused) == len(self.cluster.bootstrap_brokers()):
            # kafka-python raises these from its next attempt, but does not fill them when authentication fails.
            self._auth_failures.update(self._refused)

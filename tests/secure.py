"""Real Kafka and Redis with access control: TLS, passwords, certificates, and the rights of deploy/."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import redis
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    load_pem_private_key,
    pkcs12,
)
from testcontainers.core.container import DockerContainer

from lab.kit.polling import until
from lab.kit.services import KAFKA_IMAGE, SINGLE_BROKER, free_port, skip_missing_ryuk

ROOT = Path(__file__).parents[1]
REDIS_IMAGE = "redis:7.0.15-bookworm"  # the other image is built without TLS
JOBS = "mmdigit.jobs"
PASSWORDS = {user: f"{user}-secret" for user in ("producer", "worker", "replay", "shadow")}
STORE_PASSWORDS = {"worker": "store-worker-secret", "reader": "store-reader-secret"}
_KEYSTORE = b"keystore-secret"
_LOGIN_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule"
_INSIDE = "localhost:29094"  # the administrator's listener, reachable only in the container


class Authority:
    """A certificate authority that writes its certificates as PEM files to a folder.

    As public ones do, its root signs an intermediate one, and that signs the rest; file: the root alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        root = trustme.CA()
        self._authority = root.create_child_ca()
        self.file = folder / "ca.pem"
        root.cert_pem.write_to_path(str(self.file))

    def issue(self, name: str, *hosts: str, user: str | None = None, expired: bool = False) -> tuple[Path, Path]:
        """Certificate and key. user: the common name; expired: since yesterday."""
        now = datetime.now(UTC)
        leaf = self._authority.issue_cert(
            *(hosts or ("client.test",)),
            common_name=user,
            not_before=now - timedelta(days=30),
            not_after=now + timedelta(days=-1 if expired else 30),
        )
        certificate, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        leaf.private_key_pem.write_to_path(str(key))
        key.chmod(0o644)  # the container's user reads it, too
        return certificate, key


@dataclass(frozen=True, slots=True)
class SecureKafka:
    """A broker with a listener for passwords, one for certificates, and the users of deploy/kafka/acls.sh.

    expired, elsewhere: password listeners whose certificate has expired, or is for another host.
    """

    scram: str
    mutual: str
    expired: str
    elsewhere: str
    container: DockerContainer

    def run(self, command: str) -> str:
        """Run a command in the container; fail the test if it fails."""
        code, output = self.container.exec(["bash", "-c", command])
        assert code == 0, output.decode()
        return str(output.decode())

    def acls(self, arguments: str) -> None:
        """Change rights, and return once the broker applies them; it does so in order."""
        self.run(f"/opt/kafka/bin/kafka-acls.sh --bootstrap-server {_INSIDE} --force {arguments}")


@contextmanager
def secure_kafka(folder: Path, authority: Authority) -> Iterator[SecureKafka]:
    """A broker that refuses everybody without rights (StandardAuthorizer)."""
    skip_missing_ryuk()
    secrets = folder / "kafka"
    secrets.mkdir()
    ports = {name: free_port() for name in ("SCRAM", "MUTUAL", "EXPIRED", "ELSEWHERE")}
    environment = {
        **SINGLE_BROKER,
        "LISTENERS": ",".join(f"{name}://:{port}" for name, port in ports.items())
        + f",INSIDE://{_INSIDE},CONTROLLER://localhost:29093",
        "ADVERTISED_LISTENERS": ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
        + f",INSIDE://{_INSIDE}",
        "LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,INSIDE:PLAINTEXT,SCRAM:SASL_SSL,MUTUAL:SSL,"
        "EXPIRED:SASL_SSL,ELSEWHERE:SASL_SSL",
        "INTER_BROKER_LISTENER_NAME": "INSIDE",
        "SASL_ENABLED_MECHANISMS": "SCRAM-SHA-512",
        "AUTHORIZER_CLASS_NAME": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "SUPER_USERS": "User:ANONYMOUS",  # the broker itself and processes in its container
        "ALLOW_EVERYONE_IF_NO_ACL_FOUND": "false",
        "SSL_PRINCIPAL_MAPPING_RULES": "RULE:^.*CN=([^,]+).*$/$1/,DEFAULT",
        "LISTENER_NAME_MUTUAL_SSL_CLIENT_AUTH": "required",
    }
    trust = pkcs12.serialize_java_truststore(
        [pkcs12.PKCS12Certificate(x509.load_pem_x509_certificate(authority.file.read_bytes()), b"ca")],
        BestAvailableEncryption(_KEYSTORE),
    )
    (secrets / "trust.p12").write_bytes(trust)
    for name in ports:
        pem, key = authority.issue(
            f"kafka-{name}", "elsewhere.test" if name == "ELSEWHERE" else "127.0.0.1", expired=name == "EXPIRED"
        )
        (secrets / f"{name}.p12").write_bytes(_keystore(pem, key))
        environment |= {
            f"LISTENER_NAME_{name}_{setting}": value
            for setting, value in {
                "SSL_KEYSTORE_LOCATION": f"/etc/kafka/secrets/{name}.p12",
                "SSL_KEYSTORE_PASSWORD": _KEYSTORE.decode(),
                "SSL_KEYSTORE_TYPE": "PKCS12",
                "SSL_TRUSTSTORE_LOCATION": "/etc/kafka/secrets/trust.p12",
                "SSL_TRUSTSTORE_PASSWORD": _KEYSTORE.decode(),
                "SSL_TRUSTSTORE_TYPE": "PKCS12",
                # Kafka's Docker image reads ___ as a dash.
                "SCRAM___SHA___512_SASL_JAAS_CONFIG": f"{_LOGIN_MODULE} required;",
            }.items()
        }
    container = (
        DockerContainer(KAFKA_IMAGE)
        .with_volume_mapping(str(secrets), "/etc/kafka/secrets")
        .with_volume_mapping(str(ROOT / "deploy" / "kafka" / "acls.sh"), "/acls.sh")
    )
    for port in ports.values():
        container = container.with_bind_ports(port, port)
    for name, value in environment.items():
        container = container.with_env(f"KAFKA_{name}", value)
    with container:
        address = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
        broker = SecureKafka(address["SCRAM"], address["MUTUAL"], address["EXPIRED"], address["ELSEWHERE"], container)
        inside = f"--bootstrap-server {_INSIDE}"
        until(lambda: container.exec(["bash", "-c", f"echo > /dev/tcp/{_INSIDE.replace(':', '/')}"])[0] == 0,
              "a broker")  # fmt: skip
        for topic in (JOBS, f"{JOBS}.dead"):
            broker.run(f"/opt/kafka/bin/kafka-topics.sh {inside} --create --topic {topic} --partitions 2")
        for user, password in PASSWORDS.items():
            broker.run(
                f"/opt/kafka/bin/kafka-configs.sh {inside} --alter --entity-type users --entity-name {user} "
                f"--add-config 'SCRAM-SHA-512=[password={password}]'"
            )
        broker.run(f"bash /acls.sh {_INSIDE}")
        yield broker


def _keystore(certificate: Path, key: Path) -> bytes:
    leaf, *chain = x509.load_pem_x509_certificates(certificate.read_bytes())
    private = load_pem_private_key(key.read_bytes(), None)
    return pkcs12.serialize_key_and_certificates(
        b"broker",
        private,  # type: ignore[arg-type]  # trustme's keys are of kinds that PKCS 12 takes
        leaf,
        chain,
        BestAvailableEncryption(_KEYSTORE),
    )


@contextmanager
def secure_redis(
    folder: Path, authority: Authority, certificate: tuple[Path, Path], *, mutual: bool = False
) -> Iterator[str]:
    """A Redis server that speaks only TLS, with the users of deploy/redis/users.acl; yields its rediss:// URL."""
    skip_missing_ryuk()
    rules = (ROOT / "deploy" / "redis" / "users.acl").read_text()
    for user, password in STORE_PASSWORDS.items():
        rules = rules.replace(f"change-{user}-password", password)
    users = folder / f"users-{free_port()}.acl"
    users.write_text(rules + "user tester on nopass ~* &* +@all\n")  # changes rights in tests
    files = {"ca.pem": authority.file, "own.pem": certificate[0], "own.key": certificate[1], "users.acl": users}
    container = DockerContainer(REDIS_IMAGE).with_exposed_ports(6379)
    for name, path in files.items():
        container = container.with_volume_mapping(str(path), f"/secure/{name}")
    container = container.with_command(
        "redis-server --port 0 --tls-port 6379 --tls-ca-cert-file /secure/ca.pem --tls-cert-file /secure/own.pem "
        f"--tls-key-file /secure/own.key --tls-auth-clients {'yes' if mutual else 'no'} --aclfile /secure/users.acl"
    )
    with container:
        port = int(container.get_exposed_port(6379))
        until(lambda: b"Ready to accept" in container.get_logs()[0], "a Redis server with TLS")
        yield f"rediss://127.0.0.1:{port}/0"


@contextmanager
def store_administrator(url: str, authority: Authority) -> Iterator[redis.Redis]:
    """A client that can change rights."""
    with redis.Redis.from_url(url, username="tester", password="x", ssl_ca_certs=str(authority.file)) as client:  # noqa: S106
        yield client


def child_environment(settings: Mapping[str, str | Path]) -> dict[str, str]:
    """The environment of a program with exactly these settings as MMDIGIT_* variables."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("MMDIGIT_")}
    return others | {f"MMDIGIT_{name}": str(value) for name, value in settings.items()}

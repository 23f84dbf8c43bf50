"""Creates the topics for jobs and dead letters, or adds partitions to them. Safe to run again.

    python create_topics.py BOOTSTRAP TOPICS [SECURITY]

BOOTSTRAP: host:port,host:port. TOPICS: JSON, [{"name", "partitions", "replication", "configs"}, ...]. SECURITY: msk-iam
(the default; AWS credentials over TLS, region from AWS_DEFAULT_REGION) or plaintext.
Terraform runs this as a task in the worker's image, because MSK does not create topics.
"""

import json
import sys

from kafka import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

SECURITY: dict[str, dict[str, str]] = {
    "msk-iam": {"security_protocol": "SASL_SSL", "sasl_mechanism": "AWS_MSK_IAM"},
    "plaintext": {},
}
BOOTSTRAP_TIMEOUT_MS = 30_000


def counted(partitions: int) -> str:
    return f"{partitions} partition{'' if partitions == 1 else 's'}"


def create(admin: KafkaAdminClient, name: str, partitions: int, replication: int, configs: dict[str, str]) -> str:
    """Create the topic, or add partitions to it. Returns a line for the log. Raises KafkaError."""
    settings = {"num_partitions": partitions, "replication_factor": replication, "configs": configs}
    try:
        admin.create_topics({name: settings})
        return f"{name}: created, {counted(partitions)}"
    except TopicAlreadyExistsError:
        [description] = admin.describe_topics([name])
        existing = len(description["partitions"])
    if existing < partitions:
        admin.create_partitions({name: partitions})
        return f"{name}: {counted(partitions)}, {existing} before"
    return f"{name}: exists, {counted(existing)}"  # Kafka cannot remove partitions


def main(bootstrap: str, topics: str, security: str = "msk-iam") -> int:
    """Returns exit code 0, or 3 after a line with Kafka's error."""
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=bootstrap.split(","), bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS, **SECURITY[security]
        )
        try:
            for topic in json.loads(topics):
                print(create(admin, **topic), flush=True)  # noqa: T201
        finally:
            admin.close()
    except KafkaError as error:
        sys.stderr.write(
            f"create_topics: error: expected topics at {bootstrap}, got {error!r}; check the brokers and permissions\n"
        )
        return 3
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))

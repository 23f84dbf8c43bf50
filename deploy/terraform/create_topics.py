"""Makes the topics of jobs and of dead letters, or gives them more partitions; safe to run again.

    python create_topics.py BOOTSTRAP TOPICS [SECURITY]

BOOTSTRAP: host:port,host:port. TOPICS: JSON, [{"name", "partitions", "replication", "configs"}, ...]. SECURITY: msk-iam
(the default; AWS credentials over TLS, the region from AWS_DEFAULT_REGION) or plaintext.
Terraform runs it in the worker's image, as one task: MSK makes no topics by itself.
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


def make(admin: KafkaAdminClient, name: str, partitions: int, replication: int, configs: dict[str, str]) -> str:
    """Make the topic, or give it more partitions; what it says is for the log. Raises KafkaError."""
    settings = {"num_partitions": partitions, "replication_factor": replication, "configs": configs}
    try:
        admin.create_topics({name: settings})
        return f"{name}: made, {counted(partitions)}"
    except TopicAlreadyExistsError:
        [description] = admin.describe_topics([name])
        there = len(description["partitions"])
    if there < partitions:
        admin.create_partitions({name: partitions})
        return f"{name}: {counted(partitions)}, {there} before"
    return f"{name}: there already, {counted(there)}"  # Kafka takes none away


def main(bootstrap: str, topics: str, security: str = "msk-iam") -> int:
    """Exit code 0, or 3 after a line that says what Kafka refused."""
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=bootstrap.split(","), bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS, **SECURITY[security]
        )
        try:
            for topic in json.loads(topics):
                print(make(admin, **topic), flush=True)  # noqa: T201
        finally:
            admin.close()
    except KafkaError as error:
        sys.stderr.write(f"create_topics: error: expected topics at {bootstrap}, got {error!r}\n")
        return 3
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))

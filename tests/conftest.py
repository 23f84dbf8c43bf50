"""Fixtures of real services and data; tests that lack them are skipped with one line."""

import itertools
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.processes import Start, running
from tests.shared_broker import SETTINGS, share_broker, shared_bootstrap

# The same examples in every run, and none that fails because the machine is busy.
settings.register_profile("suite", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

TESTS = Path(__file__).parent
ORDER = ("mmdigit", "webapp")
"""Of the folders of files that need no services; the others come after them."""
KafkaTopic = Callable[..., str]


def pytest_configure(config: pytest.Config) -> None:
    share_broker(config)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that need services first: they take longest. The browser's in the middle, where no container starts or
    stops: its network would come or go, and Chromium breaks off what it loads.
    """
    services = {item.path for item in items if item.get_closest_marker("docker")}

    def place(item: pytest.Item) -> int:
        if item.path in services:
            return 0
        folder = item.path.relative_to(TESTS).parts[0]
        return 1 + (ORDER.index(folder) if folder in ORDER else len(ORDER))

    items.sort(key=place)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests whose service or data is missing; with MMDIGIT_REQUIRE_DOCKER=1, missing Docker is a failure."""
    if item.get_closest_marker("docker"):
        from lab.kit.services import docker_problem

        if problem := docker_problem():
            if os.environ.get("MMDIGIT_REQUIRE_DOCKER") == "1":
                pytest.fail(f"MMDIGIT_REQUIRE_DOCKER=1, but {problem}", pytrace=False)
            pytest.skip(problem)
    if item.get_closest_marker("data") and not os.environ.get("MMDIGIT_DATA"):
        pytest.skip("MMDIGIT_DATA is not set; set it to the folder of the data sets (mmdigit data download)")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of the real data sets, for tests marked data."""
    folder = Path(os.environ["MMDIGIT_DATA"])
    if not folder.is_dir():
        pytest.fail(f"expected a folder in MMDIGIT_DATA, got {str(folder)!r}", pytrace=False)
    return folder


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts processes that end with the test."""
    with ExitStack() as processes:
        yield lambda command, **options: processes.enter_context(running(command, **options))


@pytest.fixture(scope="session")
def kafka_bootstrap(pytestconfig: pytest.Config) -> Iterator[str]:
    """host:port of a real broker for the whole run, for tests marked docker."""
    from lab.kit.services import kafka_broker

    if (shared := shared_bootstrap(pytestconfig)) is not None:
        yield shared
        return
    with kafka_broker(**SETTINGS) as bootstrap:
        yield bootstrap


@pytest.fixture(scope="session")
def kafka_topic(kafka_bootstrap: str) -> KafkaTopic:
    """kafka_topic(partitions=1, max_message_bytes=...): create a topic; its kafka:// URL."""
    from lab.kit.services import kafka_admin

    run = uuid.uuid4().hex[:8]
    numbers = itertools.count()

    def make(partitions: int = 1, *, max_message_bytes: int = 8 * 1024 * 1024, with_dead_letters: bool = False) -> str:
        topic = f"test-{run}-{next(numbers)}"
        names = [topic, f"{topic}.dead"] if with_dead_letters else [topic]
        settings = {
            "num_partitions": partitions,
            "replication_factor": 1,
            "configs": {"max.message.bytes": str(max_message_bytes)},
        }
        admin = kafka_admin(kafka_bootstrap)
        try:
            admin.create_topics(dict.fromkeys(names, settings), wait_for_metadata=True)
        finally:
            admin.close()
        return f"kafka://{kafka_bootstrap}/{topic}"

    return make


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """URL of a real Redis server for the whole run, for tests marked docker; clear it before use."""
    from lab.kit.services import redis_server

    with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def redis_sentinel() -> Iterator[tuple[str, str]]:
    """URL of a real Redis server behind a sentinel, and of the server itself, for tests marked docker."""
    from tests.redis_group import redis_group

    with redis_group(2) as group:
        server, sentinel = group.ports
        group.start(server)
        group.start_sentinel(sentinel, server, quorum=1)
        yield f"redis+sentinel://127.0.0.1:{sentinel}/mymaster/0", f"redis://127.0.0.1:{server}"


@pytest.fixture(scope="session")
def redis_cluster_url() -> Iterator[str]:
    """URL of a real Redis Cluster of three primaries for the whole run, for tests marked docker."""
    from tests.redis_group import redis_cluster

    with redis_cluster() as group:
        yield group.cluster_url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of a real PostgreSQL server for the whole run, for tests marked docker."""
    from lab.kit.services import postgres_server

    with postgres_server() as url:
        yield url

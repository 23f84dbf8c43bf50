"""TLS to every server behind a URL: sentinels and their primary, a cluster's seed and its nodes."""

from collections.abc import Iterator

import pytest

from lab.kit.polling import until
from mmdigit.settings.access import Access, Certificates, RedisAccess
from mmdigit.transport.urls import open_store
from schemas.errors import AccessError
from tests.factories import make_prediction
from tests.redis_group import RedisGroup, redis_group
from tests.secure import REDIS_IMAGE, Authority

pytestmark = pytest.mark.docker

TLS = "--port 0 --tls-ca-cert-file /files/ca.pem --tls-cert-file /files/redis.pem --tls-key-file /files/redis.key"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("tls")
    folder.chmod(0o755)  # the container's user reads it too
    authority = Authority(folder)
    authority.issue("redis", "127.0.0.1")
    return authority


@pytest.fixture(scope="module")
def group(authority: Authority) -> Iterator[RedisGroup]:
    with redis_group(3, REDIS_IMAGE, files=authority.file.parent) as group:
        yield group


@pytest.fixture
def trusting(authority: Authority) -> Access:
    return Access(redis=RedisAccess(Certificates(authority.file)))


def start(group: RedisGroup, port: int, *options: str) -> None:
    group.start(port, *TLS.split(), "--tls-port", str(port), "--tls-auth-clients", "no", *options, loaded=False)
    until(lambda: "PONG" in command(group, port, "ping"), "a Redis server with TLS")


def command(group: RedisGroup, port: int, *words: str) -> str:
    # redis-cli exits with 1 if it cannot connect.
    line = f"redis-cli --tls --cacert /files/ca.pem -p {port} {' '.join(words)} 2>&1 || true"
    return group.run("bash", "-c", line)


def put_and_get(url: str, access: Access) -> None:
    with pytest.raises(AccessError, match="set redis_ca_file"):
        open_store(url)
    with open_store(url, access=access) as store:
        store.put([make_prediction(number) for number in range(100)])
        assert store.get(["job-99"]) == [make_prediction(99)]


def test_tls_to_a_cluster(group: RedisGroup, trusting: Access) -> None:
    port = group.ports[0]
    node = "--cluster-enabled yes --tls-cluster yes --cluster-announce-ip 127.0.0.1 --cluster-port 20001"
    start(group, port, *node.split())
    command(group, port, "cluster", "addslotsrange", "0", "16383")
    until(lambda: "cluster_state:ok" in command(group, port, "cluster", "info"), "a cluster")
    put_and_get(f"rediss+cluster://127.0.0.1:{port}", trusting)
    put_and_get(f"rediss://127.0.0.1:{port}", trusting)


def test_tls_to_sentinels(group: RedisGroup, trusting: Access) -> None:
    primary, sentinel = group.ports[1:]
    start(group, primary)
    group.run("bash", "-c", f"echo 'sentinel monitor mymaster 127.0.0.1 {primary} 1' > /data/sentinel.conf")
    options = f"--daemonize yes --tls-replication yes {TLS} --tls-port {sentinel} --tls-auth-clients no"
    group.run("bash", "-c", f"redis-server /data/sentinel.conf --sentinel {options}")
    until(lambda: str(primary) in command(group, sentinel, "sentinel", "masters"), "a sentinel")
    put_and_get(f"rediss+sentinel://127.0.0.1:{sentinel}/mymaster/1", trusting)

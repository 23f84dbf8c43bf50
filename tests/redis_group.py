"""Several Redis processes in one container: primary and replicas, sentinels, a cluster; tests kill and restart them.

They reach each other, and this host reaches them, at the same address: 127.0.0.1 and a port of their own.
"""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import redis
from testcontainers.core.container import DockerContainer

from lab.kit.polling import until
from lab.kit.services import REDIS_IMAGE, free_port, skip_missing_ryuk

_FIRST_BUS_PORT = 20001  # inside the container
_NODE_TIMEOUT_MS = 1000


class RedisGroup:
    """Redis processes by port; they end with the container."""

    def __init__(self, container: DockerContainer, ports: Sequence[int]) -> None:
        self._container = container
        self.ports = list(ports)
        self._options: dict[int, tuple[str, ...]] = {}

    def start(self, port: int, *options: str, loaded: bool = True) -> None:
        """Start the process, by default with its earlier options; wait until it answers, unless loaded is false."""
        self._options.setdefault(port, options)
        own = f"port {port}, bind *, protected-mode no, daemonize yes, dir /data/{port}, pidfile {self._pid_file(port)}"
        common = [word for option in own.split(", ") for word in f"--{option}".split()]
        self.run("mkdir", "-p", f"/data/{port}")
        self.run("redis-server", *common, "--save", "", *self._options[port])
        if loaded:
            self.await_answer(port)

    def start_sentinel(self, port: int, primary: int, *, quorum: int, password: str | None = None) -> None:
        """Start a sentinel of the service "mymaster". password: the sentinel's own."""
        lines = [
            f"port {port}",
            "protected-mode no",
            "daemonize yes",
            f"sentinel monitor mymaster 127.0.0.1 {primary} {quorum}",
            "sentinel down-after-milliseconds mymaster 1000",
            "sentinel failover-timeout mymaster 3000",
        ]
        if password:
            lines += [f"requirepass {password}", f"sentinel sentinel-pass {password}"]
        text = "\n".join(lines)
        self.run("bash", "-c", f"echo '{text}' > /data/sentinel-{port}.conf")
        self.run("redis-server", f"/data/sentinel-{port}.conf", "--sentinel")
        with redis.Redis(port=port, password=password) as client:
            until(lambda: _answers(client), f"a sentinel at port {port}")

    @property
    def cluster_url(self) -> str:
        """The URL of the cluster, by its first three nodes."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in self.ports[:3])

    def kill(self, port: int) -> None:
        """Kill the process with SIGKILL."""
        self.run("bash", "-c", f"kill -9 $(cat {self._pid_file(port)})")

    def hang(self, port: int) -> None:
        """Stop the process until it is woken; its connections stay open."""
        self.run("bash", "-c", f"kill -STOP $(cat {self._pid_file(port)})")

    def wake(self, port: int) -> None:
        self.run("bash", "-c", f"kill -CONT $(cat {self._pid_file(port)})")

    def client(self, port: int) -> redis.Redis:
        """A client, which the caller closes."""
        return redis.Redis(port=port, socket_timeout=10)

    def ask(self, port: int, *command: str) -> object:
        with self.client(port) as client:
            return client.execute_command(*command)

    def role(self, port: int) -> str:
        """master, slave, or "" if it does not answer."""
        with suppress(redis.RedisError), self.client(port) as client:
            return str(client.info("replication")["role"])
        return ""

    def await_answer(self, port: int) -> None:
        with self.client(port) as client:
            until(lambda: _answers(client), f"a Redis server at port {port}")

    def await_replicas(self, port: int, count: int) -> None:
        """Return once that many replicas are in sync with the primary."""
        with self.client(port) as client:
            replicas = f"{count} replicas of port {port}"
            until(lambda: str(client.info("replication")).count("'online'") >= count, replicas)

    def run(self, *command: str) -> str:
        """The output of the command; fail the test if it fails."""
        code, output = self._container.exec(list(command))
        assert code == 0, output.decode()
        return str(output.decode())

    def _pid_file(self, port: int) -> str:
        return f"/data/{port}.pid"


@contextmanager
def redis_group(processes: int, image: str = REDIS_IMAGE, files: Path | None = None) -> Iterator[RedisGroup]:
    """A container with ports for that many processes; none runs yet. files: a folder to mount as /files."""
    skip_missing_ryuk()
    ports = [free_port() for _ in range(processes)]
    container = DockerContainer(image).with_command("sleep infinity")
    for port in ports:
        container = container.with_bind_ports(port, port)
    if files is not None:
        container = container.with_volume_mapping(str(files), "/files")
    with container:
        yield RedisGroup(container, ports)


@contextmanager
def redis_cluster(replicas: int = 0, image: str = REDIS_IMAGE) -> Iterator[RedisGroup]:
    """Three primaries, on the first three ports, each with that many replicas; all slots are covered."""
    with redis_group(3 * (1 + replicas), image) as group:
        for number, port in enumerate(group.ports):
            group.start(
                port,
                *("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--appendonly", "yes"),
                *("--cluster-port", str(_FIRST_BUS_PORT + number), "--cluster-announce-ip", "127.0.0.1"),
                *("--cluster-node-timeout", str(_NODE_TIMEOUT_MS), "--cluster-replica-validity-factor", "0"),
            )
        first, *others = group.ports
        for number, port in enumerate(group.ports):
            group.ask(port, "CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
        for number, port in enumerate(others):
            group.ask(first, "CLUSTER", "MEET", "127.0.0.1", str(port), str(_FIRST_BUS_PORT + 1 + number))
        for number, port in enumerate(group.ports[:3]):
            begin, end = (16384 * number // 3, 16384 * (number + 1) // 3 - 1)
            group.ask(port, "CLUSTER", "ADDSLOTSRANGE", str(begin), str(end))
        until(lambda: all(_sees(group, port, len(group.ports)) for port in group.ports), "a cluster")
        for number, port in enumerate(group.ports[3:]):
            primary = group.ports[number % 3]
            group.ask(port, "CLUSTER", "REPLICATE", _text(group.ask(primary, "CLUSTER", "MYID")))
        for port in group.ports[:3]:
            group.await_replicas(port, replicas)
        yield group


def _sees(group: RedisGroup, port: int, nodes: int) -> bool:
    with group.client(port) as client:
        info = client.execute_command("CLUSTER INFO")
    return (info["cluster_state"], info["cluster_known_nodes"]) == ("ok", str(nodes))


def _text(answer: object) -> str:
    return answer.decode() if isinstance(answer, bytes) else str(answer)


class Name:
    """A name that points to a server, as in DNS: new connections go where it points, old ones stay.

    It is a TCP relay, so that a test can point it elsewhere.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def point_to(self, port: int) -> None:
        self._target = port

    def close(self) -> None:
        # close() does not wake a thread in accept().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                near.close()
                continue
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=_relay, args=(source, sink), daemon=True).start()


def _relay(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while block := source.recv(65536):
            sink.sendall(block)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False

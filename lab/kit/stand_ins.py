"""Consumer, model and connections in memory: the loop without network, disk and network model."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from mmdigit.transport.ports import LossCause, Record, TopicPartition
from mmdigit.transport.redis.keys import SINGLE_SERVER_KEYS
from mmdigit.transport.redis.servers import Servers, SingleServer
from mmdigit.transport.redis.store import RedisStore

TOPIC = "jobs"


class MemoryConsumer:
    """Delivers the same records over and over, spread over partitions; its commits are durable at once."""

    def __init__(self, values: Sequence[bytes], partitions: int) -> None:
        self._values = values
        self._next_offsets = [0] * partitions
        self._polls = 0
        self.on_assigned: Callable[[frozenset[TopicPartition]], None] | None = None
        self.on_revoked: Callable[[frozenset[TopicPartition]], Mapping[TopicPartition, int]] | None = None
        self.on_restarted: Callable[[frozenset[TopicPartition]], None] | None = None
        self.on_records_lost: Callable[[LossCause, int], None] | None = None

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """Records of one partition, and of the next one the next time, as a broker delivers them."""
        partition, self._polls = self._polls % len(self._next_offsets), self._polls + 1
        first = self._next_offsets[partition]
        self._next_offsets[partition] += len(self._values)
        return [Record(TOPIC, partition, first + number, None, value, 0.0) for number, value in enumerate(self._values)]

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Nothing to do."""

    def begin_commit(self, next_offsets: Mapping[TopicPartition, int]) -> "_Committed":
        return _Committed()

    def rewind(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        raise NotImplementedError

    def keep_alive(self) -> None:
        """Nothing to do."""

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(TopicPartition(TOPIC, partition) for partition in range(len(self._next_offsets)))

    def lag(self) -> dict[TopicPartition, int]:
        return dict.fromkeys(self.assignment(), len(self._values))

    def positions(self) -> dict[TopicPartition, int]:
        return {TopicPartition(TOPIC, number): offset for number, offset in enumerate(self._next_offsets)}

    def waiting_for(self) -> str:
        return ""

    def close(self) -> None:
        """Nothing to close."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class _Committed:
    def done(self) -> bool:
        return True

    def result(self) -> None:
        """It worked."""


class _Shape(NamedTuple):
    shape: tuple[str]


class RepeatedOutputs:
    """In place of an ONNX session: always the same outputs. outputs: by name, of as many jobs as the largest batch."""

    def __init__(self, outputs: Mapping[str, NDArray[np.float32]]) -> None:
        self._outputs = outputs

    def get_inputs(self) -> list[_Shape]:
        """Numbers of images and of waveforms that need not be equal, as in the shipped model."""
        return [_Shape((name,)) for name in ("images", "images", "waveforms", "waveforms")]

    def run(self, names: Sequence[str], feed: Mapping[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        count = max(len(values) for values in feed.values())
        return [self._outputs[name][:count] for name in names]


class UnsentConnection:
    """A connection that sends nothing; every reply is OK."""

    def send_packed_command(self, command: object, check_health: bool = True) -> None:
        """Sends nothing."""

    def read_response(self, *arguments: object, **options: object) -> bytes:
        return b"OK"


class _Pool:
    """A pool of one connection."""

    def __init__(self) -> None:
        self._connection = UnsentConnection()

    def get_connection(self) -> UnsentConnection:
        return self._connection

    def release(self, connection: object) -> None:
        """It stays here."""


class _Client:
    """What mmdigit.transport.redis needs of redis.Redis."""

    def __init__(self) -> None:
        self.connection_pool = _Pool()

    def close(self) -> None:
        """Nothing to close."""


def unsent_store() -> RedisStore:
    """The store on Redis with everything but the network."""
    client: Any = _Client()
    servers = Servers(SingleServer(client), "nowhere")
    return RedisStore(servers, SINGLE_SERVER_KEYS, ttl_s=86_400, feed_length=10_000, replicas=0)

"""Sends calls to the servers that hold their keys: one round trip a server, repeated where a failover may heal it.

Repeating is safe: every script here is idempotent. An outage is an error within seconds, and the caller's to wait out.
"""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import Any, NamedTuple, Protocol

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import AskError, ClusterDownError, MovedError, NoScriptError

from mmdigit.transport.redis.connection import ask, connection, load_scripts, read_answer
from mmdigit.transport.redis.errors import CONNECTION_ERRORS, is_lost, is_passing, mapped
from schemas.errors import StoreError

RETRIES = 2
GIVE_UP_S = 4.0
"""No further try after so long."""
REPLICAS_WITHIN_S = 2.0

_PAUSE = ExponentialWithJitterBackoff(base=0.05, cap=1.0)

Address = tuple[str, int]


class Call(NamedTuple):
    """One command, whose keys all lie in one bucket."""

    bucket: int
    arguments: tuple[str | int | bytes, ...]


class Route(Protocol):
    """Knows which server holds a bucket."""

    def client(self, bucket: int) -> redis.Redis: ...

    def at(self, address: Address) -> redis.Redis:
        """The server at this address."""
        ...

    def moved(self, bucket: int, address: Address) -> None:
        """A server says that the bucket is elsewhere."""
        ...

    def find_again(self) -> None:
        """Forget where the servers are, and find them again. Raises redis-py's errors."""
        ...

    def close(self) -> None: ...


class OneServer:
    """All buckets on one server, that a name or a sentinel tells."""

    def __init__(self, client: redis.Redis, *sentinels: redis.Redis) -> None:
        self._client = client
        self._sentinels = sentinels

    def client(self, bucket: int) -> redis.Redis:
        return self._client

    def at(self, address: Address) -> redis.Redis:
        return self._client

    def moved(self, bucket: int, address: Address) -> None:
        self.find_again()

    def find_again(self) -> None:
        # A new connection resolves the name, or asks the sentinels, again.
        self._client.connection_pool.disconnect(inuse_connections=False)

    def close(self) -> None:
        for client in (self._client, *self._sentinels):
            client.close()


class ClusterServers:
    """Each bucket on the primary that owns its slot."""

    def __init__(self, connect: Callable[[Address], redis.Redis], seeds: Sequence[Address], slots: Sequence[int]):
        """connect: makes a client, without input or output. seeds: the URL's hosts. slots: of each bucket.

        Raises redis-py's errors if no seed answers.
        """
        self._connect = connect
        self._seeds = tuple(seeds)
        self._slots = tuple(slots)
        self._owners: list[Address] = []
        self._clients: dict[Address, redis.Redis] = {}
        self._silent: set[Address] = set()  # did not answer when they were last asked: the last to ask
        try:
            self.find_again()
        except BaseException:
            self.close()
            raise

    def client(self, bucket: int) -> redis.Redis:
        return self.at(self._owners[bucket])

    def at(self, address: Address) -> redis.Redis:
        if address not in self._clients:
            self._clients[address] = self._connect(address)
        return self._clients[address]

    def moved(self, bucket: int, address: Address) -> None:
        host = address[0] or self._owners[bucket][0]
        self._owners[bucket] = (host, address[1])

    def find_again(self) -> None:
        known = list({*self._owners, *self._seeds})
        random.shuffle(known)
        failed: Exception | None = None
        for address in sorted(known, key=self._silent.__contains__):
            try:
                ranges = ask(self.at(address), "CLUSTER", "SLOTS")
            except CONNECTION_ERRORS as error:
                self._silent.add(address)
                failed = error
                continue
            self._silent.discard(address)
            self._owners = [_owner(ranges, slot, address) for slot in self._slots]
            self._forget_others()
            return
        raise failed or ClusterDownError("CLUSTERDOWN no address")

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def _forget_others(self) -> None:
        for address in set(self._clients) - {*self._owners, *self._seeds}:
            self._clients.pop(address).close()
        self._silent &= {*self._owners, *self._seeds}


def _owner(ranges: Any, slot: int, asked: Address) -> Address:
    for first, last, primary, *_ in ranges:
        if first <= slot <= last:
            # A node that knows no name for itself says so: it is where it was asked.
            return (asked[0] if primary[0] in (None, b"", b"?") else primary[0].decode()), int(primary[1])
    raise ClusterDownError(f"CLUSTERDOWN no server has the slot {slot}")


class Servers:
    """Runs calls. address: for messages, without a password."""

    def __init__(
        self,
        route: Route,
        address: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._route = route
        self._address = address
        self._sleep = sleep
        self._monotonic = monotonic
        self._lost = False  # whether the servers have to be found again

    def run(self, calls: Sequence[Call], *, replicas: int = 0) -> list[Any]:
        """The answer to each call, in RESP 2. replicas: how many of each server acknowledge the writes first.

        Raises StoreError, AccessError or SettingsError; some of the calls may have taken effect by then.
        """
        answers: list[Any] = [None] * len(calls)
        pending = list(range(len(calls)))
        asking: dict[int, Address] = {}
        give_up_s = self._monotonic() + GIVE_UP_S
        failures = 0
        with mapped(self._address):
            self._find_lost()
            while True:
                try:
                    got = self._round([(calls[number], asking.get(number)) for number in pending], replicas)
                except CONNECTION_ERRORS as error:
                    got = [error] * len(pending)
                for number, answer in zip(pending, got, strict=True):
                    answers[number] = answer
                failed = {number: answers[number] for number in pending if isinstance(answers[number], Exception)}
                if not failed:
                    return answers
                self._lost = self._lost or any(is_lost(failure) for failure in failed.values())
                tired = failures == RETRIES or self._monotonic() >= give_up_s
                for failure in failed.values():
                    if tired or not is_passing(failure):
                        raise failure
                failures += 1
                if self._lost:
                    self._sleep(_PAUSE.compute(failures))
                    self._find_lost()
                asking = self._heal(calls, failed)
                # Replicas acknowledge all that one connection wrote, or nothing.
                pending = list(range(len(calls))) if replicas else list(failed)

    def close(self) -> None:
        self._route.close()

    def _find_lost(self) -> None:
        if self._lost:
            with suppress(*CONNECTION_ERRORS):  # the next round says why
                self._route.find_again()
                self._lost = False

    def _heal(self, calls: Sequence[Call], failed: dict[int, Exception]) -> dict[int, Address]:
        """Do what the errors ask for. Returns where to ask once for what is just moving."""
        asking: dict[int, Address] = {}
        unscripted: set[redis.Redis] = set()
        for number, error in failed.items():
            bucket = calls[number].bucket
            if isinstance(error, MovedError):
                self._route.moved(bucket, (error.host, error.port))
            elif isinstance(error, AskError) and error.host:
                asking[number] = (error.host, error.port)
                unscripted.add(self._route.at(asking[number]))
            elif isinstance(error, NoScriptError):
                unscripted.add(self._route.client(bucket))
        for client in unscripted:
            load_scripts(client)
        return asking

    def _round(self, calls: Sequence[tuple[Call, Address | None]], replicas: int) -> list[Any]:
        """One round trip a server, all at once. An error that a server answers stands in the place of its call's
        answer; one of a connection is raised."""
        of_client: dict[redis.Redis, list[int]] = {}
        for number, (call, asked) in enumerate(calls):
            client = self._route.client(call.bucket) if asked is None else self._route.at(asked)
            of_client.setdefault(client, []).append(number)
        answers: list[Any] = [None] * len(calls)
        with ExitStack() as opened:
            connections = [(opened.enter_context(connection(client)), own) for client, own in of_client.items()]
            for link, own in connections:
                commands: list[tuple[Any, ...]] = []
                for number in own:
                    call, asked = calls[number]
                    commands += [call.arguments] if asked is None else [("ASKING",), call.arguments]
                if replicas:
                    commands.append(("WAIT", replicas, int(REPLICAS_WITHIN_S * 1000)))
                # In one piece: the server wakes up once.
                link.send_packed_command([b"".join(link.pack_commands(commands))])
            for link, own in connections:
                for number in own:
                    if calls[number][1] is not None:
                        read_answer(link)
                    answers[number] = read_answer(link)
                acknowledged = read_answer(link) if replicas else 0
                if not any(isinstance(answers[number], Exception) for number in own):
                    self._require_replicas(acknowledged, replicas)
        return answers

    def _require_replicas(self, answer: Any, replicas: int) -> None:
        if isinstance(answer, Exception):
            raise answer
        if answer < replicas:
            raise StoreError(
                f"expected the predictions on {replicas} replicas of Redis at {self._address} within "
                f"{REPLICAS_WITHIN_S:.0f} s, got them on {answer}; check the replicas, or lower store_replicas"
            )

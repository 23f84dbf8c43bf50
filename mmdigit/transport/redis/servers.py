"""Sends each call to the server that holds its keys, in one round trip per server, and retries through a failover.

Retries are safe because every script is idempotent. An outage becomes an error within seconds; the caller waits it out.
"""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import Any, NamedTuple, Protocol

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import AskError, ClusterDownError, MovedError, NoScriptError

from mmdigit.transport.redis.connection import (
    borrowed_connection,
    load_scripts,
    pack_commands,
    read_reply,
    send_command,
)
from mmdigit.transport.redis.errors import CONNECTION_ERRORS, is_transient, map_errors, needs_rediscovery
from schemas.errors import StoreError

RETRIES = 2
MAX_RETRY_S = 4.0
"""No retry after this time."""
REPLICA_TIMEOUT_S = 2.0

_PAUSE = ExponentialWithJitterBackoff(base=0.05, cap=1.0)

HostPort = tuple[str, int]


class Call(NamedTuple):
    """One command. All its keys are in one bucket."""

    bucket: int
    arguments: tuple[str | int | bytes, ...]


class Route(Protocol):
    """Knows which server holds a bucket."""

    def client(self, bucket: int) -> redis.Redis: ...

    def at(self, address: HostPort) -> redis.Redis:
        """The server at this address."""
        ...

    def moved(self, bucket: int, address: HostPort) -> None:
        """Record that a server redirected this bucket."""
        ...

    def rediscover(self) -> None:
        """Forget where the servers are and find them again. Raises redis-py's errors."""
        ...

    def close(self) -> None: ...


class SingleServer:
    """All buckets on one server, found by its host name or by sentinels."""

    def __init__(self, client: redis.Redis, *sentinels: redis.Redis) -> None:
        self._client = client
        self._sentinels = sentinels

    def client(self, bucket: int) -> redis.Redis:
        return self._client

    def at(self, address: HostPort) -> redis.Redis:
        return self._client

    def moved(self, bucket: int, address: HostPort) -> None:
        self.rediscover()

    def rediscover(self) -> None:
        # A new connection resolves the name or asks the sentinels again.
        self._client.connection_pool.disconnect(inuse_connections=False)

    def close(self) -> None:
        for client in (self._client, *self._sentinels):
            client.close()


class ClusterServers:
    """Each bucket on the primary that owns its slot."""

    def __init__(self, connect: Callable[[HostPort], redis.Redis], seeds: Sequence[HostPort], slots: Sequence[int]):
        """connect: creates a client, without I/O. seeds: the URL's hosts. slots: the slot of each bucket.

        Raises redis-py's errors if no seed answers.
        """
        self._connect = connect
        self._seeds = tuple(seeds)
        self._slots = tuple(slots)
        self._owners: list[HostPort] = []
        self._clients: dict[HostPort, redis.Redis] = {}
        self._unresponsive: set[HostPort] = set()  # failed when last asked: ask them last
        try:
            self.rediscover()
        except BaseException:
            self.close()
            raise

    def client(self, bucket: int) -> redis.Redis:
        return self.at(self._owners[bucket])

    def at(self, address: HostPort) -> redis.Redis:
        if address not in self._clients:
            self._clients[address] = self._connect(address)
        return self._clients[address]

    def moved(self, bucket: int, address: HostPort) -> None:
        host = address[0] or self._owners[bucket][0]
        self._owners[bucket] = (host, address[1])

    def rediscover(self) -> None:
        known = list({*self._owners, *self._seeds})
        random.shuffle(known)
        failed: Exception | None = None
        for address in sorted(known, key=self._unresponsive.__contains__):
            try:
                ranges = send_command(self.at(address), "CLUSTER", "SLOTS")
            except CONNECTION_ERRORS as error:
                self._unresponsive.add(address)
                failed = error
                continue
            self._unresponsive.discard(address)
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
        self._unresponsive &= {*self._owners, *self._seeds}


def _owner(ranges: Any, slot: int, asked: HostPort) -> HostPort:
    for first, last, primary, *_ in ranges:
        if first <= slot <= last:
            # A node that does not know its own name is at the address that was asked.
            return (asked[0] if primary[0] in (None, b"", b"?") else primary[0].decode()), int(primary[1])
    raise ClusterDownError(f"CLUSTERDOWN no server owns slot {slot}")


class Servers:
    """Runs calls on the servers of a route. address: for messages, without a password."""

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
        self._lost = False  # whether to rediscover the servers

    def run(self, calls: Sequence[Call], *, replicas: int = 0) -> list[Any]:
        """The reply to each call, in RESP 2.

        replicas: how many replicas of each server must acknowledge the writes.
        Raises StoreError, AccessError or SettingsError; some of the calls may have taken effect.
        """
        answers: list[Any] = [None] * len(calls)
        pending = list(range(len(calls)))
        asking: dict[int, HostPort] = {}
        give_up_s = self._monotonic() + MAX_RETRY_S
        failures = 0
        with map_errors(self._address):
            self._rediscover_if_lost()
            while True:
                try:
                    got = self._round_trip([(calls[number], asking.get(number)) for number in pending], replicas)
                except CONNECTION_ERRORS as error:
                    got = [error] * len(pending)
                for number, answer in zip(pending, got, strict=True):
                    answers[number] = answer
                failed = {number: answers[number] for number in pending if isinstance(answers[number], Exception)}
                if not failed:
                    return answers
                self._lost = self._lost or any(needs_rediscovery(failure) for failure in failed.values())
                give_up = failures == RETRIES or self._monotonic() >= give_up_s
                for failure in failed.values():
                    if give_up or not is_transient(failure):
                        raise failure
                failures += 1
                if self._lost:
                    self._sleep(_PAUSE.compute(failures))
                    self._rediscover_if_lost()
                asking = self._handle_redirects(calls, failed)
                # WAIT covers everything that one connection wrote, so repeat all calls.
                pending = list(range(len(calls))) if replicas else list(failed)

    def close(self) -> None:
        self._route.close()

    def _rediscover_if_lost(self) -> None:
        if self._lost:
            with suppress(*CONNECTION_ERRORS):  # the next round trip raises the error
                self._route.rediscover()
                self._lost = False

    def _handle_redirects(self, calls: Sequence[Call], failed: dict[int, Exception]) -> dict[int, HostPort]:
        """Follow redirects and reload missing scripts. Returns the address for each call that needs ASKING."""
        asking: dict[int, HostPort] = {}
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

    def _round_trip(self, calls: Sequence[tuple[Call, HostPort | None]], replicas: int) -> list[Any]:
        """One round trip per server, all in parallel. Returns a server's error as the reply to its call; raises
        connection errors."""
        by_client: dict[redis.Redis, list[int]] = {}
        for number, (call, asked) in enumerate(calls):
            client = self._route.client(call.bucket) if asked is None else self._route.at(asked)
            by_client.setdefault(client, []).append(number)
        answers: list[Any] = [None] * len(calls)
        with ExitStack() as opened:
            connections = [
                (opened.enter_context(borrowed_connection(client)), own) for client, own in by_client.items()
            ]
            for connection, own in connections:
                commands: list[tuple[str | int | bytes, ...]] = []
                for number in own:
                    call, asked = calls[number]
                    commands += [call.arguments] if asked is None else [("ASKING",), call.arguments]
                if replicas:
                    commands.append(("WAIT", replicas, int(REPLICA_TIMEOUT_S * 1000)))
                # In one write, so that the server wakes up once.
                connection.send_packed_command([pack_commands(commands)])
            for connection, own in connections:
                for number in own:
                    if calls[number][1] is not None:
                        read_reply(connection)
                    answers[number] = read_reply(connection)
                acknowledged = read_reply(connection) if replicas else 0
                if not any(isinstance(answers[number], Exception) for number in own):
                    self._require_replicas(acknowledged, replicas)
        return answers

    def _require_replicas(self, answer: Any, replicas: int) -> None:
        if isinstance(answer, Exception):
            raise answer
        if answer < replicas:
            raise StoreError(
                f"expected {replicas} replicas of Redis at {self._address} to acknowledge within "
                f"{REPLICA_TIMEOUT_S:.0f} s, got {answer}; check the replicas, or lower store_replicas"
            )

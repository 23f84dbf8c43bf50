"""Connects to a RedisAddress and checks the server: its version, and whether it is a cluster node."""

import ssl
from contextlib import suppress
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError, ResponseError
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError, Sentinel

from mmdigit.settings.access import RedisAccess
from mmdigit.transport.redis.address import RedisAddress
from mmdigit.transport.redis.connection import (
    MIN_VERSION,
    is_cluster,
    is_too_old,
    load_scripts,
    send_command,
    server_info,
    version,
)
from mmdigit.transport.redis.errors import map_errors
from mmdigit.transport.redis.keys import CLUSTER_KEYS, SINGLE_SERVER_KEYS, KeyLayout
from mmdigit.transport.redis.servers import ClusterServers, HostPort, Route, Servers, SingleServer
from mmdigit.transport.tls import tls_context, tls_failure
from schemas.errors import SettingsError

CONNECT_TIMEOUT_S = 3.0
SENTINEL_TIMEOUT_S = 1.0
SOCKET_TIMEOUT_S = 5.0


def open_servers(address: RedisAddress, access: RedisAccess) -> tuple[Servers, KeyLayout]:
    """Connect, and find out which keys the servers use.

    Raises AccessError if a server refuses access, SettingsError if it is too old, StoreError if none answers.
    """
    # On the wrong protocol, a server closes the connection or waits, without an error.
    tls_advice = "uses TLS (else redis://)" if address.tls else "requires TLS (then rediss://)"
    options = _options(address, access)

    def connect(host_port: HostPort) -> redis.Redis:
        return redis.Redis(host=host_port[0], port=host_port[1], **options)

    with map_errors(str(address), f"check the address and the server's state, and whether this port {tls_advice}"):
        if address.kind == "sentinel":
            return _connect_via_sentinels(address, access, options), SINGLE_SERVER_KEYS
        if address.kind == "server":
            server = SingleServer(connect(address.hosts[0]))
            if not _check_or_close(server, address):
                return Servers(server, str(address)), SINGLE_SERVER_KEYS
            server.close()
        cluster = ClusterServers(connect, address.hosts, [bucket.slot for bucket in CLUSTER_KEYS.buckets])
        _check_or_close(cluster, address)
        return Servers(cluster, str(address)), CLUSTER_KEYS


def _options(address: RedisAddress, access: RedisAccess) -> dict[str, Any]:
    options: dict[str, Any] = {
        "db": address.database,
        "username": address.username,
        "password": None if address.password is None else address.password.get_secret_value(),
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "socket_timeout": SOCKET_TIMEOUT_S,
        "health_check_interval": 30,
        "retry": Retry(NoBackoff(), 0),  # Servers retries
        "protocol": 2,  # 3 needs permission for HELLO
        "driver_info": None,  # else redis-py needs permission for CLIENT SETINFO
    }
    if address.tls:
        tls_context(access.certificates, "redis")  # fails with a clear message before redis-py opens the files
        files = {
            "ssl_ca_certs": access.certificates.ca,
            "ssl_certfile": access.certificates.certificate,
            "ssl_keyfile": access.certificates.key,
        }
        options |= {name: str(path) for name, path in files.items() if path is not None}
        options |= {"ssl": True, "ssl_cert_reqs": "required", "ssl_check_hostname": True}
        options |= {"ssl_min_version": ssl.TLSVersion.TLSv1_2}
    return options


def _connect_via_sentinels(address: RedisAddress, access: RedisAccess, options: dict[str, Any]) -> Servers:
    """Ask the sentinels for the primary at each new connection."""
    password = access.sentinel_password
    own = {
        "username": access.sentinel_username,
        "password": None if password is None else password.get_secret_value(),
        "socket_connect_timeout": SENTINEL_TIMEOUT_S,
        "socket_timeout": SENTINEL_TIMEOUT_S,
        "db": 0,
    }
    sentinel: Any = Sentinel(address.hosts, sentinel_kwargs=options | own, **options)  # type: ignore[no-untyped-call]
    server = SingleServer(sentinel.master_for(address.service), *sentinel.sentinels)
    try:
        _check_or_close(server, address)
    except MasterNotFoundError:
        for client in sentinel.sentinels:  # redis-py keeps only the class of their errors
            try:
                send_command(client, "PING")
            except redis.ConnectionError as error:
                if tls_failure(str(error), "redis"):
                    raise
            finally:
                client.close()
        raise
    return Servers(server, str(address))


def _check_or_close(route: Route, address: RedisAddress) -> bool:
    """Whether the server is a cluster node. On an error, closes route.

    Raises SettingsError if the server is too old, and redis-py's errors.
    """
    try:
        return _check(route.client(0), address)
    except BaseException:
        route.close()
        raise


def _check(client: redis.Redis, address: RedisAddress) -> bool:
    send_command(client, "PING")
    info = server_info(client)
    if is_too_old(info, MIN_VERSION):
        raise SettingsError(
            f"expected Redis {MIN_VERSION[0]}.{MIN_VERSION[1]} or newer at {address}, got {version(info)}; upgrade it"
        )
    with suppress(NoPermissionError):  # a user who may only read needs no scripts
        load_scripts(client)
    found = is_cluster(info)
    if found is not None:
        return found
    try:
        send_command(client, "CLUSTER", "SLOTS")
    except NoPermissionError:
        return False
    except ResponseError as error:
        if "cluster support disabled" in str(error):
            return False
        raise
    return True

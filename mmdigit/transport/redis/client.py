"""Connects to what a RedisPlace names, and looks at who answers: its version, and whether it is a cluster."""

import ssl
from contextlib import suppress
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError, ResponseError
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError, Sentinel

from mmdigit.settings.access import RedisAccess
from mmdigit.transport.redis.address import RedisPlace
from mmdigit.transport.redis.connection import NEEDED, ask, is_cluster, load_scripts, server_info, too_old, version
from mmdigit.transport.redis.errors import mapped
from mmdigit.transport.redis.keys import CLUSTER, ONE_SERVER, Layout
from mmdigit.transport.redis.servers import Address, ClusterServers, OneServer, Route, Servers
from mmdigit.transport.tls import refusal, tls_context
from schemas.errors import SettingsError

CONNECT_TIMEOUT_S = 3.0
SENTINEL_TIMEOUT_S = 1.0
SOCKET_TIMEOUT_S = 5.0


def open_servers(place: RedisPlace, access: RedisAccess) -> tuple[Servers, Layout]:
    """Servers that answer, and how keys are laid out on them.

    Raises AccessError if a server refuses, SettingsError if it is too old, StoreError if none answers.
    """
    # A server that is asked for the wrong protocol hangs up, or waits, without a word.
    wrong_port = "speaks TLS (else redis://)" if place.tls else "wants TLS (then rediss://)"
    options = _options(place, access)

    def connect(address: Address) -> redis.Redis:
        return redis.Redis(host=address[0], port=address[1], **options)

    with mapped(place.address, f"check the address and the server's state, and whether this port {wrong_port}"):
        if place.kind == "sentinel":
            return _by_sentinels(place, access, options), ONE_SERVER
        if place.kind == "server":
            server = OneServer(connect(place.hosts[0]))
            if not _look_at(server, place):
                return Servers(server, place.address), ONE_SERVER
            server.close()
        cluster = ClusterServers(connect, place.hosts, [bucket.slot for bucket in CLUSTER.buckets])
        _look_at(cluster, place)
        return Servers(cluster, place.address), CLUSTER


def _options(place: RedisPlace, access: RedisAccess) -> dict[str, Any]:
    options: dict[str, Any] = {
        "db": place.database,
        "username": place.username,
        "password": None if place.password is None else place.password.get_secret_value(),
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "socket_timeout": SOCKET_TIMEOUT_S,
        "health_check_interval": 30,
        "retry": Retry(NoBackoff(), 0),  # Servers tries again
        "protocol": 2,  # without HELLO, a right more
        "driver_info": None,  # else CLIENT SETINFO, a right more
    }
    if place.tls:
        tls_context(access.certificates, "redis")  # names a file that cannot be used before redis-py opens it
        files = {
            "ssl_ca_certs": access.certificates.ca,
            "ssl_certfile": access.certificates.certificate,
            "ssl_keyfile": access.certificates.key,
        }
        options |= {name: str(path) for name, path in files.items() if path is not None}
        options |= {"ssl": True, "ssl_cert_reqs": "required", "ssl_check_hostname": True}
        options |= {"ssl_min_version": ssl.TLSVersion.TLSv1_2}
    return options


def _by_sentinels(place: RedisPlace, access: RedisAccess, options: dict[str, Any]) -> Servers:
    """Whichever server the sentinels call the primary at each new connection."""
    password = access.sentinel_password
    own = {
        "username": access.sentinel_username,
        "password": None if password is None else password.get_secret_value(),
        "socket_connect_timeout": SENTINEL_TIMEOUT_S,
        "socket_timeout": SENTINEL_TIMEOUT_S,
        "db": 0,
    }
    sentinel: Any = Sentinel(place.hosts, sentinel_kwargs=options | own, **options)  # type: ignore[no-untyped-call]
    server = OneServer(sentinel.master_for(place.service), *sentinel.sentinels)
    try:
        _look_at(server, place)
    except MasterNotFoundError:
        for client in sentinel.sentinels:  # redis-py keeps of their errors the kind alone
            try:
                ask(client, "PING")
            except redis.ConnectionError as error:
                if refusal(str(error), "redis"):
                    raise
            finally:
                client.close()
        raise
    return Servers(server, place.address)


def _look_at(route: Route, place: RedisPlace) -> bool:
    """Whether the server is a node of a cluster. Raises SettingsError if it is too old, redis-py's errors; route is
    closed then."""
    try:
        return _checked(route.client(0), place)
    except BaseException:
        route.close()
        raise


def _checked(client: redis.Redis, place: RedisPlace) -> bool:
    ask(client, "PING")
    info = server_info(client)
    if too_old(info, NEEDED):
        raise SettingsError(
            f"expected Redis {NEEDED[0]}.{NEEDED[1]} or newer at {place.address}, got {version(info)}; upgrade it"
        )
    with suppress(NoPermissionError):  # whoever may not write, for whom any version will do
        load_scripts(client)
    found = is_cluster(info)
    if found is not None:
        return found
    try:
        ask(client, "CLUSTER", "SLOTS")
    except NoPermissionError:
        return False
    except ResponseError as error:
        if "cluster support disabled" in str(error):
            return False
        raise
    return True

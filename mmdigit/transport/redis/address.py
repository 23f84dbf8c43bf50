"""Parses the URL of a Redis store: a single server, a primary behind sentinels, or a cluster.

    redis://[user:password@]host[:6379][/db]
    redis+sentinel://[user:password@]host[:26379][,host[:port]...]/service[/db]    user and password of the servers
    redis+cluster://[user:password@]host[:6379][,host[:port]...][/0]

rediss, rediss+sentinel and rediss+cluster use TLS.
"""

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, unquote

from pydantic import SecretStr

from mmdigit.settings.access import Certificates, RedisAccess
from mmdigit.transport.hosts import parse_host_port

Kind = Literal["server", "sentinel", "cluster"]

REDIS_SCHEMES: dict[str, Kind] = {
    "redis": "server",
    "rediss": "server",
    "redis+sentinel": "sentinel",
    "rediss+sentinel": "sentinel",
    "redis+cluster": "cluster",
    "rediss+cluster": "cluster",
}
EXAMPLES: dict[Kind, str] = {
    "server": "redis://localhost:6379/0",
    "sentinel": "redis+sentinel://host1:26379,host2:26379/mymaster/0",
    "cluster": "redis+cluster://host1:6379,host2:6379",
}

_PORTS: dict[Kind, int] = {"server": 6379, "sentinel": 26379, "cluster": 6379}
_PATHS: dict[Kind, tuple[str, str]] = {
    "server": (r"(?:/(?P<db>[0-9]{0,5}))?", "a database number and nothing after it"),
    "sentinel": (
        r"/(?P<service>(?![0-9]+$)[A-Za-z0-9._-]{1,128})(?:/(?P<db>[0-9]{0,5}))?",
        "the name of the service that the sentinels watch, then a database number",
    ),
    "cluster": (r"(?:/(?P<db>0?))?", "database 0, the only one of a cluster"),
}


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where a Redis store is, and how to log in.

    hosts: host and port of the server, of the sentinels, or of some cluster nodes.
    service: the sentinels' name for the primary. username, password: for the servers, not for the sentinels.
    """

    kind: Kind
    tls: bool
    hosts: tuple[tuple[str, int], ...]
    service: str = ""
    database: int = 0
    username: str | None = None
    password: SecretStr | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """Hosts and service, for messages: without user or password."""
        hosts = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts)
        return f"{hosts}/{self.service}" if self.service else hosts


def parse_redis_address(parts: SplitResult, access: RedisAccess) -> RedisAddress:
    """The address in a parsed URL, with user and password from the URL or from access.

    Raises ValueError with two arguments: what was expected, and an example.
    """
    kind = REDIS_SCHEMES[parts.scheme]
    example = EXAMPLES[kind]
    login, _, addresses = parts.netloc.rpartition("@")
    hosts = []
    for address in addresses.split(","):
        host = parse_host_port(address, _PORTS[kind])
        if host is None:
            form = "host[:port]" if kind == "server" else "host[:port][,host[:port]...]"
            raise ValueError(
                f"{parts.scheme}://[user:password@]{form} (percent-encode special characters in the password)", example
            )
        hosts.append((host[0].strip("[]"), host[1]))
    if kind == "server" and len(hosts) > 1:
        raise ValueError("one host (for several, use redis+cluster:// or redis+sentinel://)", example)
    pattern, meaning = _PATHS[kind]
    path = re.fullmatch(pattern, parts.path)
    if path is None or parts.query or parts.fragment:
        raise ValueError(meaning, example)
    if login and not login.partition(":")[2]:
        raise ValueError("user:password or :password before the @", example)
    if login and access.password is not None:
        raise ValueError("user and password either in the URL or in redis_username and redis_password", example)
    tls = parts.scheme.startswith("rediss")
    if not tls and access.certificates != Certificates():
        secure = example.replace("redis", "rediss", 1)
        raise ValueError(f"{secure.partition('://')[0]}:// with redis_ca_file or redis_cert_file", secure)
    if kind != "sentinel" and access.sentinel_password is not None:
        raise ValueError("redis+sentinel:// with redis_sentinel_password", EXAMPLES["sentinel"])
    username, _, password = login.partition(":")
    return RedisAddress(
        kind=kind,
        tls=tls,
        hosts=tuple(hosts),
        service=path.groupdict().get("service") or "",
        database=int(path["db"] or 0),
        username=unquote(username) or None if login else access.username,
        password=SecretStr(unquote(password)) if login else access.password,
    )

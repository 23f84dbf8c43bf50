"""URLs of Redis stores: valid and invalid ones."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from mmdigit.settings.access import Certificates, RedisAccess
from mmdigit.transport.redis.address import RedisAddress, parse_redis_address
from mmdigit.transport.urls import _split

LOGIN = RedisAccess(username="worker", password=SecretStr("from-file"))
SENTINEL = RedisAccess(sentinel_password=SecretStr("for-sentinels"))
TLS = RedisAccess(certificates=Certificates(ca=Path("ca.pem")))


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://host", RedisAddress("server", False, (("host", 6379),))),
        ("rediss://host:1/", RedisAddress("server", True, (("host", 1),))),
        ("redis://[::1]:2/15", RedisAddress("server", False, (("::1", 2),), database=15)),
        (
            "redis+sentinel://a,b:1/mymaster",
            RedisAddress("sentinel", False, (("a", 26379), ("b", 1)), service="mymaster"),
        ),
        (
            "rediss+sentinel://a/my.master/3",
            RedisAddress("sentinel", True, (("a", 26379),), service="my.master", database=3),
        ),
        ("redis+cluster://a,b:1,[::1]", RedisAddress("cluster", False, (("a", 6379), ("b", 1), ("::1", 6379)))),
        ("rediss+cluster://a/0", RedisAddress("cluster", True, (("a", 6379),))),
    ],
)
def test_parse_redis_address_reads_a_url(url: str, place: RedisAddress) -> None:
    assert parse_redis_address(_split(url, ""), RedisAccess()) == place


@pytest.mark.parametrize("scheme", ["redis://{}h/0", "redis+sentinel://{}h/m", "redis+cluster://{}h"])
@pytest.mark.parametrize(
    ("login", "access", "username", "password"),
    [
        ("", RedisAccess(), None, None),
        ("", LOGIN, "worker", SecretStr("from-file")),
        ("u:p%40%2F@", RedisAccess(), "u", SecretStr("p@/")),
        (":p@", RedisAccess(), None, SecretStr("p")),
    ],
)
def test_parse_redis_address_reads_user_and_password(
    scheme: str, login: str, access: RedisAccess, username: str | None, password: SecretStr | None
) -> None:
    place = parse_redis_address(_split(scheme.format(login), ""), access)
    assert (place.username, place.password) == (username, password)
    assert "p@" not in str(place)
    assert "from-file" not in repr(place)


@pytest.mark.parametrize(
    ("url", "access", "expected"),
    [
        ("redis://u:p@h", LOGIN, "either in the URL or"),
        ("redis+cluster://u:p@h", LOGIN, "either in the URL or"),
        ("redis://h", TLS, "rediss://"),
        ("redis+sentinel://h/m", TLS, r"rediss\+sentinel://"),
        ("redis+cluster://h", TLS, r"rediss\+cluster://"),
        ("redis://h", SENTINEL, "redis_sentinel_password"),
        ("redis+cluster://h", SENTINEL, "redis_sentinel_password"),
        ("redis://a,b", RedisAccess(), r"one host \(for several, use redis\+cluster://"),
    ],
)
def test_parse_redis_address_rejects_contradictions(url: str, access: RedisAccess, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        parse_redis_address(_split(url, ""), access)

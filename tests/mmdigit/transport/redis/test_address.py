"""What the URL of a Redis store names, and what it may not hold."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from mmdigit.settings.access import Certificates, RedisAccess
from mmdigit.transport.redis.address import RedisPlace, redis_place

LOGIN = RedisAccess(username="worker", password=SecretStr("from-file"))
SENTINEL = RedisAccess(sentinel_password=SecretStr("for-sentinels"))
TLS = RedisAccess(certificates=Certificates(ca=Path("ca.pem")))


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://host", RedisPlace("server", False, (("host", 6379),))),
        ("rediss://host:1/", RedisPlace("server", True, (("host", 1),))),
        ("redis://[::1]:2/15", RedisPlace("server", False, (("::1", 2),), database=15)),
        (
            "redis+sentinel://a,b:1/mymaster",
            RedisPlace("sentinel", False, (("a", 26379), ("b", 1)), service="mymaster"),
        ),
        (
            "rediss+sentinel://a/my.master/3",
            RedisPlace("sentinel", True, (("a", 26379),), service="my.master", database=3),
        ),
        ("redis+cluster://a,b:1,[::1]", RedisPlace("cluster", False, (("a", 6379), ("b", 1), ("::1", 6379)))),
        ("rediss+cluster://a/0", RedisPlace("cluster", True, (("a", 6379),))),
    ],
)
def test_what_a_url_names(url: str, place: RedisPlace) -> None:
    assert redis_place(urlsplit(url), RedisAccess()) == place


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
def test_who_logs_in(
    scheme: str, login: str, access: RedisAccess, username: str | None, password: SecretStr | None
) -> None:
    place = redis_place(urlsplit(scheme.format(login)), access)
    assert (place.username, place.password) == (username, password)
    assert "p@" not in place.address
    assert "from-file" not in repr(place)


@pytest.mark.parametrize(
    ("url", "access", "expected"),
    [
        ("redis://u:p@h", LOGIN, "not in both"),
        ("redis+cluster://u:p@h", LOGIN, "not in both"),
        ("redis://h", TLS, "rediss://"),
        ("redis+sentinel://h/m", TLS, r"rediss\+sentinel://"),
        ("redis+cluster://h", TLS, r"rediss\+cluster://"),
        ("redis://h", SENTINEL, "redis_sentinel_password"),
        ("redis+cluster://h", SENTINEL, "redis_sentinel_password"),
        ("redis://a,b", RedisAccess(), r"one host, or redis\+cluster://"),
    ],
)
def test_what_does_not_belong_together(url: str, access: RedisAccess, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        redis_place(urlsplit(url), access)

"""How often an issuer's keys are fetched, which are taken, and what happens when it changes them or is away."""

import json
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trustme

from lab.kit.polling import until
from mmdigit.gateway.access.issuer_keys import FRESH_S, KEPT_S, RETRY_S, IssuerKeys
from schemas.errors import IssuerError, SettingsError
from tests.mmdigit.gateway.access.issuer import Issuer, jwk, running_issuer

BOTH = ["/.well-known/openid-configuration", "/keys"]


class Clock:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(issuer: Issuer, clock: Clock) -> IssuerKeys:
    return IssuerKeys(issuer.url, clock)


def has(keys: IssuerKeys, *kids: str) -> list[bool]:
    return [keys.key(kid) is not None for kid in kids]


def away(issuer: Issuer) -> None:
    issuer.answers["/.well-known/openid-configuration"] = 503, b""


def test_keys_are_fetched_once_while_they_are_fresh(issuer: Issuer, keys: IssuerKeys, clock: Clock) -> None:
    assert has(keys, "rsa", "ec", "ed") == [True, True, True]
    clock.seconds += FRESH_S - 1
    assert has(keys, "rsa") == [True]
    assert issuer.asked == BOTH
    clock.seconds += 1
    assert has(keys, "rsa") == [True]
    assert issuer.asked == BOTH * 2


def test_new_key_is_found_and_an_old_one_forgotten(issuer: Issuer, keys: IssuerKeys, clock: Clock) -> None:
    assert has(keys, "rsa", "other") == [True, False]
    issuer.publish(jwk("other"))
    assert has(keys, "other") == [False]
    clock.seconds += RETRY_S
    assert has(keys, "other", "rsa") == [True, False]


def test_unknown_keys_cause_few_fetches(issuer: Issuer, keys: IssuerKeys, clock: Clock) -> None:
    assert has(keys, *(f"unknown{number}" for number in range(20))) == [False] * 20
    assert issuer.asked == BOTH
    clock.seconds += RETRY_S
    assert has(keys, *(f"unknown{number}" for number in range(20))) == [False] * 20
    assert issuer.asked == BOTH * 2


def test_threads_share_a_fetch(issuer: Issuer, keys: IssuerKeys) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(keys.key, ["rsa"] * 40))
    assert issuer.asked == BOTH


def test_known_keys_do_not_wait_for_a_fetch(issuer: Issuer, keys: IssuerKeys, clock: Clock) -> None:
    assert has(keys, "rsa") == [True]
    issuer.publish(jwk("other"))
    clock.seconds += FRESH_S
    issuer.answering.clear()
    with ThreadPoolExecutor(1) as threads:
        fetching = threads.submit(keys.key, "other")
        until(lambda: len(issuer.asked) == 3, "a fetch that has begun")
        assert has(keys, "rsa") == [True]
        assert not fetching.done()
        issuer.answering.set()
        assert fetching.result() is not None
    assert has(keys, "rsa") == [False]


def test_issuer_that_is_away_is_told_until_it_is_back(issuer: Issuer, keys: IssuerKeys, clock: Clock) -> None:
    away(issuer)
    for _ in range(3):
        with pytest.raises(IssuerError, match="got status 503"):
            keys.key("rsa")
    assert issuer.asked == BOTH[:1]
    issuer.configure()
    clock.seconds += RETRY_S
    assert has(keys, "rsa") == [True]


def test_issuer_that_is_away_locks_nobody_out_for_an_hour(issuer: Issuer, keys: IssuerKeys, clock: Clock) -> None:
    assert has(keys, "rsa") == [True]
    away(issuer)
    clock.seconds += KEPT_S - 1
    assert has(keys, "rsa") == [True]
    with pytest.raises(IssuerError, match="got status 503"):
        keys.key("other")  # it may be a new one
    clock.seconds += 1
    with pytest.raises(IssuerError, match="got status 503"):
        keys.key("rsa")


def test_other_keys_of_a_set_are_left_out(issuer: Issuer, keys: IssuerKeys) -> None:
    issuer.publish(
        jwk("rsa"),
        jwk("rsa", kid="encrypting", use="enc"),
        jwk("rsa", kid="rs512", alg="RS512"),
        jwk("rsa", kid="as-secret", alg="HS256"),
        jwk("rsa", kid=7),
        jwk("rsa", kid=""),
        jwk("rsa", kid="no-modulus", n=None),
        jwk("ec", kid="off-curve", x="AAAA"),
        jwk("ec", kid="curve", crv="P-521", alg=None),
        {"kty": "oct", "kid": "shared", "k": "c2VjcmV0"},
        {"kid": "nothing"},
        {"kty": ["RSA"], "kid": "list"},
    )
    others = ["encrypting", "rs512", "as-secret", "no-modulus", "off-curve", "curve", "shared", "nothing", "list", "7"]
    assert has(keys, "rsa", "", *others) == [True, False, *[False] * len(others)]


@pytest.mark.parametrize(
    "listed", [[], None, {}, "keys", ["rsa", 7, None, []], [{"kty": "oct", "kid": "a", "k": "YQ"}]]
)
def test_set_without_keys_is_told(issuer: Issuer, keys: IssuerKeys, listed: object) -> None:
    issuer.answers["/keys"] = 200, json.dumps({"keys": listed}).encode()
    with pytest.raises(IssuerError, match="expected keys with an id for RS256, ES256, EdDSA from http"):
        keys.key("rsa")


def test_configuration_of_another_issuer_is_refused(issuer: Issuer, keys: IssuerKeys, clock: Clock) -> None:
    for other in ("https://another.example", f"{issuer.url}/", None, 7):
        issuer.configure(issuer=other)
        clock.seconds += RETRY_S
        with pytest.raises(IssuerError, match=r"expected 'http://127.* as issuer in its configuration, got"):
            keys.key("rsa")
    assert "/keys" not in issuer.asked


@pytest.mark.parametrize("url", ["http://example.com/keys", "file:///etc/passwd", "keys", "", None, {"a": 1}])
def test_keys_elsewhere_are_not_fetched(issuer: Issuer, keys: IssuerKeys, url: object) -> None:
    issuer.configure(jwks_uri=url)
    with pytest.raises(IssuerError, match=r"expected as jwks_uri of http.* an https URL, or .* got"):
        keys.key("rsa")


def test_issuer_elsewhere_does_not_lead_to_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway must not be made to ask what only this machine may ask."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *others, **more: resolve("127.0.0.1", *others, **more))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("login.example.com").configure_cert(context)
    with running_issuer(context, "login.example.com") as issuer:
        assert has(IssuerKeys(issuer.url), "rsa") == [True]
        issuer.configure(jwks_uri="http://127.0.0.1:9/keys")
        with pytest.raises(IssuerError, match=r"an https URL, got 'http://127\.0.*'; check its configuration"):
            IssuerKeys(issuer.url).key("rsa")


def test_issuer_may_have_a_path(issuer: Issuer) -> None:
    for url in (f"{issuer.url}/realms/a", f"{issuer.url}/realms/b/"):
        path = url.removeprefix(issuer.url).rstrip("/")
        issuer.configure(issuer=url)
        issuer.answers[f"{path}/.well-known/openid-configuration"] = issuer.answers[BOTH[0]]
        assert has(IssuerKeys(url), "rsa") == [True]


@pytest.mark.parametrize(
    "url", ["http://login.example.com", "login.example.com", "https://a:b@login.example.com", "https://login?x=1", ""]
)
def test_issuer_without_https_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"expected as issuer an? .*; name it as its tokens do"):
        IssuerKeys(url)

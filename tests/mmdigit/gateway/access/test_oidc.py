"""Which JWTs of a real issuer get in, and what they allow."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from mmdigit.gateway.access.authenticator import Authenticator
from mmdigit.gateway.access.issuer_keys import IssuerKeys
from mmdigit.gateway.access.oidc import LEEWAY_S, OidcVerifier
from mmdigit.gateway.access.principal import Principal
from mmdigit.gateway.registry.sql_registry import open_registry
from schemas.errors import AccessDenied
from tests.mmdigit.gateway.access import issuer as keys
from tests.mmdigit.gateway.access.issuer import AUDIENCE, Issuer, encoded, jwk

ADA = Principal("", frozenset({"submit", "read"}), "oidc:ada")


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


@pytest.fixture
def verifier(issuer: Issuer) -> OidcVerifier:
    return OidcVerifier(IssuerKeys(issuer.url), AUDIENCE)


def refused(verifier: OidcVerifier, token: str, message: str) -> None:
    with pytest.raises(AccessDenied, match=message) as caught:
        verifier.verify(token)
    assert token not in str(caught.value)


@pytest.mark.parametrize("kid", ["rsa", "ec", "ed"])
def test_valid_token_gets_in(issuer: Issuer, verifier: OidcVerifier, kid: str) -> None:
    expires_at = datetime(2100, 1, 1, tzinfo=UTC)
    assert verifier.verify(issuer.token(kid, exp=expires_at)) == (ADA, expires_at)
    assert verifier.verify(issuer.token(kid, aud=["another", AUDIENCE]))[0] == ADA


def test_authenticator_takes_tokens_of_the_issuer(issuer: Issuer, verifier: OidcVerifier, tmp_path: Path) -> None:
    with open_registry(f"sqlite:///{tmp_path / 'gateway.db'}") as registry:
        door = Authenticator(registry, verifier)
        token = issuer.token()
        assert door.authenticate(f"Bearer {token}") == door.known(f"Bearer {token}") == ADA
        with pytest.raises(AccessDenied, match="Signature has expired"):
            door.authenticate(f"Bearer {issuer.token(exp=ago(3600))}")


def test_token_signed_by_another_key_is_refused(issuer: Issuer, verifier: OidcVerifier) -> None:
    refused(verifier, issuer.token("other", {"kid": "rsa"}), "Signature verification failed")


def test_changed_claims_are_refused(issuer: Issuer, verifier: OidcVerifier) -> None:
    header, _, signature = issuer.token().split(".")
    claims = encoded({**issuer.claims(iat=None, exp=4102444800), "scope": "admin"})
    refused(verifier, f"{header}.{claims}.{signature}", "Signature verification failed")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"aud": "another"}, "Audience doesn't match"),
        ({"aud": None}, 'missing the "aud" claim'),
        ({"iss": "https://another.example"}, "Invalid issuer"),
        ({"iss": None}, 'missing the "iss" claim'),
        ({"exp": ago(3600)}, "Signature has expired"),
        ({"exp": None}, 'missing the "exp" claim'),
        ({"exp": "soon"}, "must be an integer"),
        ({"exp": [1]}, "got: "),
        ({"exp": 1e300}, "got: "),
        ({"exp": float("inf")}, "got: "),
        ({"nbf": ago(-3600)}, "not yet valid"),
        ({"sub": None}, 'missing the "sub" claim'),
        ({"sub": ""}, "a subject of 1-255 characters, got 0"),
        ({"sub": "a" * 256}, "a subject of 1-255 characters, got 256"),
    ],
)
def test_claims_that_are_not_valid_are_refused(
    issuer: Issuer, verifier: OidcVerifier, changed: dict[str, object], message: str
) -> None:
    refused(verifier, issuer.token("rsa", None, **changed), message)


def test_clocks_may_differ_a_little(issuer: Issuer, verifier: OidcVerifier) -> None:
    verifier.verify(issuer.token(exp=ago(1), nbf=ago(10 - LEEWAY_S)))


def test_unsigned_token_is_refused(issuer: Issuer, verifier: OidcVerifier) -> None:
    claims = encoded(issuer.claims(iat=None, exp=4102444800))
    for algorithm in ("none", "None", "nOnE", "", None, ["RS256"]):
        token = f"{encoded({'alg': algorithm, 'kid': 'rsa'})}.{claims}."
        refused(verifier, token, "signed by RS256, ES256, EdDSA, got|got: ")


def test_public_key_is_no_shared_secret(issuer: Issuer, verifier: OidcVerifier) -> None:
    """HS256 whose secret is the public key, which everybody knows. Source: RFC 8725, section 2.1."""
    public = keys.RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    claims = encoded(issuer.claims(iat=None, exp=4102444800))
    for algorithm in ("HS256", "RS256"):
        signed = f"{encoded({'alg': algorithm, 'kid': 'rsa'})}.{claims}"
        token = f"{signed}.{encoded(hmac.digest(public, signed.encode(), hashlib.sha256))}"
        refused(verifier, token, "got 'HS256'|Signature verification failed")


def test_key_is_used_with_its_own_algorithm_alone(issuer: Issuer, verifier: OidcVerifier) -> None:
    refused(verifier, issuer.token("ec", {"kid": "rsa"}), "alg value is not allowed")
    refused(verifier, issuer.token("rsa", {"kid": "ed"}), "alg value is not allowed")


def test_short_key_is_refused(issuer: Issuer, verifier: OidcVerifier, monkeypatch: pytest.MonkeyPatch) -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505  what is refused
    monkeypatch.setitem(keys.PRIVATE, "other", short)
    with pytest.warns(match="RSA key is 1024 bits"):
        token = issuer.token("other")
    issuer.publish(jwk("other"))
    refused(verifier, token, "1024 bits")


def test_unknown_key_is_refused(issuer: Issuer, verifier: OidcVerifier) -> None:
    refused(verifier, issuer.token("other"), "got an unknown key")
    refused(verifier, issuer.token("rsa", {"kid": ""}), "that names its key")


def test_critical_header_that_is_unknown_is_refused(issuer: Issuer, verifier: OidcVerifier) -> None:
    refused(verifier, issuer.token("rsa", {"crit": ["b64"], "b64": False}), "got: ")


@pytest.mark.parametrize(
    ("scope", "scopes"),
    [
        ("mmdigit:admin review", {"admin", "review"}),
        ("openid profile mmdigit: mmdigit:mmdigit:read Read other:submit", set()),
        (None, set()),
        (["admin"], set()),
        (7, set()),
    ],
)
def test_scopes_are_those_that_are_known(
    issuer: Issuer, verifier: OidcVerifier, scope: object, scopes: set[str]
) -> None:
    assert verifier.verify(issuer.token(scope=scope))[0].scopes == scopes


def test_tenant_comes_from_its_claim(issuer: Issuer) -> None:
    verifier = OidcVerifier(IssuerKeys(issuer.url), AUDIENCE, tenant_claim="org")
    assert verifier.verify(issuer.token(org="clinic"))[0].tenant == "clinic"
    for org in (None, "", "Clinic", "a:b", ["clinic"], 7, "a" * 32, "\x1b"):
        refused(verifier, issuer.token(org=org), "expected a tenant's name .* in the claim 'org'")


@pytest.mark.parametrize(
    ("name", "shown"), [("ada", "ada"), (None, ""), (7, ""), ("a\x1bb", "a\\x1bb"), ("x" * 999, "x" * 255)]
)
def test_name_is_what_people_log_in_with(issuer: Issuer, verifier: OidcVerifier, name: object, shown: str) -> None:
    token = issuer.token(preferred_username=name, name="Ada Lovelace")
    assert verifier.verify(token)[0].name == shown


def test_subject_is_escaped(issuer: Issuer, verifier: OidcVerifier) -> None:
    assert verifier.verify(issuer.token(sub="a\nb\x1b"))[0].subject == "oidc:a\\nb\\x1b"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from(["RS256", "rsa"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
PART = st.one_of(
    st.text("abcAB01-_=", max_size=20),
    st.dictionaries(st.sampled_from(["alg", "kid", "b64", "crit", "typ"]), JSON).map(encoded),
    st.binary(max_size=20).map(encoded),
    st.just(encoded(b"[" * 5000)),
)


def test_hostile_tokens_are_refused_and_nothing_else(issuer: Issuer, verifier: OidcVerifier) -> None:
    @given(PART, PART, PART)
    def check(header: str, claims: str, signature: str) -> None:
        with pytest.raises(AccessDenied):
            verifier.verify(f"{header}.{claims}.{signature}")

    check()

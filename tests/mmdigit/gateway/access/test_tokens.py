"""How bearer tokens look, and which secrets are recognised."""

import hashlib

import pytest

from mmdigit.gateway.access.tokens import new_token, parse_token


def test_new_token_is_parsed_back() -> None:
    token = new_token()
    assert parse_token(token.text) == token
    assert token.has(token.sha256)
    assert token.sha256 == hashlib.sha256(token.secret.encode()).hexdigest()


def test_new_tokens_use_all_their_random_bytes() -> None:
    token = new_token(lambda count: bytes(range(count)))
    assert token.text == "mmd_0001020304050607_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    tokens = [new_token() for _ in range(100)]
    assert len({each.id for each in tokens}) == len({each.secret for each in tokens}) == 100


def test_token_of_another_secret_is_not_recognised() -> None:
    assert not new_token().has(new_token().sha256)


def test_repr_hides_the_secret() -> None:
    token = new_token()
    assert token.secret not in repr(token)


@pytest.mark.parametrize(
    "text",
    [
        *("", "mmd_", "mmd_0123456789abcdef_", f"mmd_0123456789ABCDEF_{'a' * 43}", f"mmd_0123456789abcdef_{'a' * 42}"),
        *(f"mmd_0123456789abcdef_{'a' * 44}", f"mmd_0123456789abcdef_{'+' * 43}", f"mmd_0123456789abcdef_{'a' * 43}\n"),
        f"MMD_0123456789abcdef_{'a' * 43}",
    ],
)
def test_parse_token_refuses_other_text(text: str) -> None:
    assert parse_token(text) is None

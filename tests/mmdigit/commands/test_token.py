"""Tokens on the command line: made, shown once, listed, revoked, and what the gateway then says of them."""

import json
import logging
import stat
from pathlib import Path

import pytest

from mmdigit import cli
from mmdigit.commands import token as command
from mmdigit.gateway.access.authenticator import Authenticator
from mmdigit.gateway.access.principal import Principal
from mmdigit.gateway.access.tokens import BearerToken, parse_token
from mmdigit.gateway.registry.sql_registry import open_registry
from mmdigit.gateway.signing import webhook_key, written_key
from schemas.errors import AccessDenied


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gateway.db"


def create(path: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> BearerToken:
    is_first = not path.exists()
    assert cli.main(["token", "create", "--database", f"sqlite:///{path}", "--name", "scanner", *arguments]) == 0
    captured = capsys.readouterr()
    token = parse_token(captured.out.removesuffix("\n"))
    assert token is not None
    assert token.secret not in captured.err
    shown, *first = captured.err.splitlines()
    assert shown == f"token {token.id} is shown this once; `mmdigit token revoke {token.id}` ends it"
    assert [f"first in sqlite:///{path};" in line for line in first] == [True] * is_first
    return token


def listed(path: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    assert cli.main(["token", "list", "--database", f"sqlite:///{path}"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def who(path: Path, token: BearerToken) -> Principal:
    with open_registry(f"sqlite:///{path}") as registry:
        return Authenticator(registry).authenticate(f"Bearer {token.text}")


def test_created_token_gets_in(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    token = create(path, capsys)
    assert who(path, token) == Principal("", frozenset({"submit", "read"}), f"token:{token.id}")
    other = create(path, capsys, "--tenant", "clinic", "--scopes", "admin,review", "--expires-days", "1")
    assert who(path, other) == Principal("clinic", frozenset({"admin", "review"}), f"token:{other.id}")


def test_secret_is_kept_and_logged_nowhere(
    path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        token = create(path, capsys)
    assert token.secret not in caplog.text
    for file in path.parent.iterdir():
        assert token.secret.encode() not in file.read_bytes()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_list_shows_every_token_and_no_secret(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = create(path, capsys, "--tenant", "clinic")
    second = create(path, capsys, "--expires-days", "30")
    [one, two] = listed(path, capsys)
    assert {name: one[name] for name in ("id", "name", "tenant", "scopes", "state", "expires_at", "revoked_at")} == {
        "id": first.id, "name": "scanner", "tenant": "clinic", "scopes": ["read", "submit"], "state": "valid",
        "expires_at": None, "revoked_at": None,
    }  # fmt: skip
    assert two["id"] == second.id
    assert two["expires_at"] is not None
    assert first.secret not in json.dumps(one)


def test_revoked_token_is_refused(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    token = create(path, capsys)
    arguments = ["token", "revoke", token.id, "--database", f"sqlite:///{path}"]
    assert cli.main(arguments) == 0
    assert capsys.readouterr().out == f"token {token.id} is revoked\n"
    with pytest.raises(AccessDenied, match="got one that is revoked"):
        who(path, token)
    [line] = listed(path, capsys)
    assert line["state"] == "revoked"
    assert cli.main(arguments) == 0
    assert capsys.readouterr().out == f"token {token.id} was already revoked\n"
    assert listed(path, capsys) == [line]


def test_revoke_of_an_unknown_token_fails(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    create(path, capsys)
    assert cli.main(["token", "revoke", "0" * 16, "--database", f"sqlite:///{path}"]) == 1
    assert "expected the id of a token, got 0000000000000000; see" in capsys.readouterr().err


def test_revoke_does_not_repeat_a_whole_token(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    token = create(path, capsys)
    assert cli.main(["token", "revoke", token.text, "--database", f"sqlite:///{path}"]) == 2
    captured = capsys.readouterr()
    assert "expected the 16 characters between" in captured.err
    assert token.secret not in captured.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scopes", "write"], "expected some of admin,read,review,submit, got 'write'"),
        (["--scopes", ""], "expected some of admin,read,review,submit, got ''"),
        (["--tenant", "A:b"], "expected 1-31 of a-z 0-9 -, beginning with a letter or digit, got 'A:b'"),
        (["--tenant", ""], "expected 1-31 of a-z 0-9 -, beginning with a letter or digit, got ''"),
        (["--expires-days", "0"], "greater than or equal to 1"),
        (["--name", ""], "at least 1 character"),
    ],
)
def test_create_refuses_other_settings(
    path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert cli.main(["token", "create", "--database", f"sqlite:///{path}", "--name", "a", *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
    assert not path.exists()


def test_list_and_revoke_make_no_database(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["list"], ["revoke", "0" * 16]):
        assert cli.main(["token", *arguments, "--database", f"sqlite:///{path}"]) == 2
        assert "got no file; check --database" in capsys.readouterr().err
    assert not path.exists()


def test_token_without_its_packages_names_the_extra(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "find_spec", lambda name: None if name == "sqlalchemy" else object())
    for arguments in (["create", "--name", "a"], ["list"], ["revoke", "0" * 16]):
        assert cli.main(["token", *arguments, "--database", f"sqlite:///{path}"]) == 2
        assert "pip install 'mmdigit[gateway]'" in capsys.readouterr().err


def test_webhook_key_is_that_of_the_tenant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text(f"{'s' * 32}\n")
    from_file = ["--webhook-secret-file", str(tmp_path / "secret")]
    for tenant, arguments in (("", []), ("clinic", ["--tenant", "clinic"])):
        assert cli.main(["token", "webhook-key", *from_file, *arguments]) == 0
        assert capsys.readouterr().out == f"{written_key(webhook_key('s' * 32, tenant))}\n"
    assert cli.main(["token", "webhook-key"]) == 2
    assert "MMDIGIT_WEBHOOK_SECRET" in capsys.readouterr().err
    monkeypatch.setenv("MMDIGIT_WEBHOOK_SECRET", "short")
    assert cli.main(["token", "webhook-key"]) == 2
    assert "short" not in capsys.readouterr().err.replace("shorter", "")

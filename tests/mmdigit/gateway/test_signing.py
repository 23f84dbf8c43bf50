"""Signatures as Standard Webhooks' own example has them, and keys that tell nothing of each other."""

import base64
import re
from pathlib import Path
from typing import Any

from mmdigit.gateway.signing import signed_headers, webhook_key, written_key


def test_signature_is_that_of_the_standard() -> None:
    """The example of the specification's reference libraries."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    headers = signed_headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330")


def test_keys_differ_by_tenant_and_secret() -> None:
    keys = {webhook_key(secret, tenant) for secret in ("a" * 32, "b" * 32) for tenant in ("", "blue", "red")}
    assert len(keys) == 6
    assert {len(key) for key in keys} == {32}
    assert webhook_key("a" * 32, "blue") in keys


def test_written_key_holds_the_key() -> None:
    key = webhook_key("a" * 32, "blue")
    assert base64.b64decode(written_key(key).removeprefix("whsec_")) == key


def test_receivers_check_messages_as_the_docs_say() -> None:
    page = (Path(__file__).parents[3] / "docs" / "use" / "api.md").read_text()
    [script] = re.findall(r"^```python\n([^`]*?def is_genuine.*?)^```", page, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(script, names)  # noqa: S102  it is our own page
    key = webhook_key("a" * 32, "blue")
    headers = signed_headers(key, "msg_1", 1614265330, b"{}")
    assert names["is_genuine"](written_key(key), headers, b"{}")
    assert not names["is_genuine"](written_key(key), headers, b"{ }")
    assert not names["is_genuine"](written_key(webhook_key("a" * 32, "red")), headers, b"{}")

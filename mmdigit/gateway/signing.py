"""Signs webhooks as Standard Webhooks has it (standardwebhooks.com), with a key for each tenant."""

import base64
import hashlib
import hmac
from collections.abc import Mapping

KEY_PREFIX = "whsec_"


def webhook_key(secret: str, tenant: str) -> bytes:
    """A tenant's key, 32 bytes. It follows from the gateway's secret, and tells nothing of it or of another's."""
    return hmac.digest(secret.encode(), b"mmdigit webhook key\0" + tenant.encode(), hashlib.sha256)


def written_key(key: bytes) -> str:
    """The key as receivers' libraries take it."""
    return KEY_PREFIX + base64.b64encode(key).decode()


def signed_headers(key: bytes, message_id: str, timestamp_s: int, body: bytes) -> Mapping[str, str]:
    """webhook-id, webhook-timestamp (seconds since 1970) and webhook-signature."""
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": f"v1,{signature}",
    }

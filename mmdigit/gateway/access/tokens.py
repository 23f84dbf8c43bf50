"""Bearer tokens, mmd_ID_SECRET: how they are made and recognised. Of the secret only its SHA-256 is kept.

The secret is 256 random bits, so that a fast hash without salt is enough: nobody can try them all.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

ID_BYTES, SECRET_BYTES = 8, 32
_ID = re.compile(r"[0-9a-f]{16}")
_TOKEN = re.compile(rf"mmd_(?P<id>{_ID.pattern})_(?P<secret>[A-Za-z0-9_-]{{43}})")


@dataclass(frozen=True)
class BearerToken:
    """A token with its secret, which repr() hides. id: 16 hex digits. secret: 43 characters of urlsafe base64."""

    id: str
    secret: str = field(repr=False)

    @property
    def text(self) -> str:
        """As the caller sends it."""
        return f"mmd_{self.id}_{self.secret}"

    @property
    def sha256(self) -> str:
        """Of the secret: 64 hex digits, to be kept."""
        return hashlib.sha256(self.secret.encode("ascii")).hexdigest()

    def has(self, sha256: str) -> bool:
        """Whether that is its secret's, in constant time."""
        return hmac.compare_digest(self.sha256, sha256)


def new_token(random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> BearerToken:
    secret = base64.urlsafe_b64encode(random_bytes(SECRET_BYTES)).rstrip(b"=")
    return BearerToken(random_bytes(ID_BYTES).hex(), secret.decode("ascii"))


def is_token_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def parse_token(text: str) -> BearerToken | None:
    """The token that text is; None if it is none."""
    found = _TOKEN.fullmatch(text)
    return None if found is None else BearerToken(found["id"], found["secret"])

"""An OpenID provider on this machine: a real HTTP server, real keys."""

import base64
import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

AUDIENCE = "mmdigit-gateway"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
ALGORITHM_OF = {"rsa": "RS256", "other": "RS256", "ec": "ES256", "ed": "EdDSA"}
PRIVATE: dict[str, Any] = {"rsa": RSA_KEY, "other": OTHER_RSA_KEY, "ec": EC_KEY, "ed": ED_KEY}


def jwk(name: str, **others: object) -> dict[str, object]:
    """The public key of this name as a JWK."""
    public = get_default_algorithms()[ALGORITHM_OF[name]].to_jwk(PRIVATE[name].public_key(), as_dict=True)
    return {**public, "kid": name, "use": "sig", "alg": ALGORITHM_OF[name], **others}


def encoded(part: Mapping[str, object] | bytes) -> str:
    """A part of a JWT."""
    content = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class Issuer:
    """What it answers, by path, and how often it was asked. A test changes answers as it likes."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[str] = []
        self.answering = Event()
        """While it is not set, no answer comes."""
        self.answering.set()
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.configure()
        self.publish(jwk("rsa"), jwk("ec"), jwk("ed"))

    def configure(self, **changed: object) -> None:
        configuration = {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **changed}
        self.answers["/.well-known/openid-configuration"] = 200, json.dumps(configuration).encode()

    def publish(self, *keys: Mapping[str, object]) -> None:
        self.answers["/keys"] = 200, json.dumps({"keys": keys}).encode()

    def claims(self, **changed: object) -> dict[str, object]:
        """Valid ones; a changed claim that is None is left out."""
        now = datetime.now(UTC)
        claims = {
            "iss": self.url, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + timedelta(minutes=5),
            "scope": "openid mmdigit:submit read", **changed,
        }  # fmt: skip
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, kid: str = "rsa", headers: Mapping[str, object] | None = None, **changed: object) -> str:
        signing = {"kid": kid, **(headers or {})}
        return jwt.encode(self.claims(**changed), PRIVATE[kid], ALGORITHM_OF[kid], headers=signing)


@contextmanager
def running_issuer(context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Issuer]:
    """context: for TLS. host: the name in its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked.append(self.path)
            issuer.answering.wait()
            status, body = issuer.answers.get(self.path, (404, b""))
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"{issuer.url}/keys")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        issuer = Issuer(f"http{'' if context is None else 's'}://{host}:{server.server_address[1]}")
        thread = Thread(target=lambda: server.serve_forever(poll_interval=0.01))
        thread.start()
        try:
            yield issuer
        finally:
            issuer.answering.set()
            server.shutdown()
            thread.join()

"""Hides secrets in URLs, also in malformed ones, for messages and logs; detects URLs that may contain a secret."""

import re
import unicodedata
from urllib.parse import unquote

_HIDDEN = "***"
_DECODING_ROUNDS = 5

_SCHEME = re.compile(r"(?:kafka|sqlite|rediss?(?:\+sentinel|\+cluster)?|postgresql|https?)://")
_HOST = r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
_LOG_IN = r"(?:(?P<user>[^:@/?#]*):[^@/?#]+@)?"
LIKE_SECRET = re.compile(r":[^/]*@|[?#&;][^/]*=")
"""Matches a user with a password, or parameters that were parsed as part of a path. File names contain neither."""
_FILE = re.compile(rf"sqlite:///(?!.*(?:{LIKE_SECRET.pattern})(?<!\?topic=))[^?#]*(?:\?topic=[A-Za-z0-9._-]*)?")
_TOPIC = re.compile(rf"kafka://{_HOST}(?:,{_HOST})*(?:/[A-Za-z0-9._-]*)?")
_SERVER = re.compile(
    rf"(?P<scheme>(?:rediss?(?P<several>\+sentinel|\+cluster)?|https?)://){_LOG_IN}"
    rf"(?P<rest>{_HOST}(?(several)(?:,{_HOST})*)(?:/[A-Za-z0-9._/-]*)?)"
)

_DATABASE = re.compile(
    rf"postgresql://(?:[A-Za-z0-9._-]+@)?{_HOST}/[A-Za-z0-9_-]+"
    r"(?:\?sslmode=verify-full(?:&ssl(?:rootcert|cert|key)=[A-Za-z0-9._/-]+){0,3})?"
)
"""With a user, and files of certificates. A password is never part of it."""

_PARAMETERS = re.compile(r"(?P<mark>[?#&;=\s]).*", re.DOTALL)
_NO_PORT = re.compile(r":(?!//)(?![0-9]{1,5}(?:[,/?#&;=\s]|$)).+", re.DOTALL)


def redact(url: str) -> str:
    """Replace passwords in url with ***, for messages and logs.

    In a malformed URL, replaces everything before the last @, every parameter and the fragment, also if
    percent-encoded.
    """
    text = _decoded(url)
    if _FILE.fullmatch(text) or _TOPIC.fullmatch(url) or _DATABASE.fullmatch(url):
        return url
    server = _SERVER.fullmatch(url)
    if server is not None:
        user = server["user"]
        return url if user is None else f"{server['scheme']}{user}:{_HIDDEN}@{server['rest']}"
    hidden = _NO_PORT.sub(f":{_HIDDEN}", _without_log_in_and_parameters(text))
    return url if hidden == text else hidden


def may_hold_secret(url: str) -> bool:
    """Whether url has a user, a password, a parameter (except ?topic=NAME) or a fragment, even if malformed.

    A database's URL may have a user, and parameters that name its certificates.
    """
    text = _decoded(url)
    if _DATABASE.fullmatch(url):
        return False
    return _FILE.fullmatch(text) is None and _without_log_in_and_parameters(text) != text


def _without_log_in_and_parameters(text: str) -> str:
    scheme = _SCHEME.match(text)
    before, at, rest = text.rpartition("@")
    if at:
        # A ? before the last @ starts parameters or is part of a password, so the text after the @ may be secret too.
        rest = "" if _PARAMETERS.search(before) else at + rest
        text = f"{scheme[0] if scheme else ''}{_HIDDEN}{rest}"
    return _PARAMETERS.sub(rf"\g<mark>{_HIDDEN}", text)


def _decoded(url: str) -> str:
    """url without percent-encoding, with compatible Unicode characters normalized (such as a full-width @)."""
    for _ in range(_DECODING_ROUNDS):
        plain = unicodedata.normalize("NFKC", unquote(url, errors="replace"))
        if plain == url:
            return url
        url = plain
    return f"{_HIDDEN}@"  # encoded suspiciously often: hide all of it

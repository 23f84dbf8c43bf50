"""Who is one person, by the names under which changes are kept."""

import hashlib
import re

_LOGIN = re.compile(r".* \((oidc [0-9a-f]{12})\)")


def login_mark(subject: str) -> str:
    """What follows the name of somebody who logs in by an identity provider: there they may choose a name of others."""
    return f" (oidc {hashlib.sha256(subject.encode()).hexdigest()[:12]})"


def person_of(name: str) -> str:
    """The same for two names of one login, and another for each other name."""
    login = _LOGIN.fullmatch(name)
    return name if login is None else login[1]

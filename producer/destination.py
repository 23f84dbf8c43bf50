"""What a journal belongs to: the topic that a URL names, the same from every working directory, without secrets."""

import os
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from mmdigit.settings.redaction import redact


@dataclass(frozen=True, slots=True)
class Destination:
    """A topic. name: for journals and messages. is_new: it does not exist yet, so that no job can be in it."""

    name: str
    is_new: bool


def destination_of(url: str) -> Destination:
    """The topic that url names; whether url is a right one is for mmdigit.transport.urls to say."""
    if not url.startswith("sqlite:///"):
        return Destination(redact(url), is_new=False)
    parts = urlsplit(url)
    # os.path raises nothing for a folder that is closed or a circle of links: opening the queue file says so.
    path = os.path.realpath(unquote(parts.path)[1:])
    return Destination(f"sqlite:///{path}{'?' if parts.query else ''}{parts.query}", is_new=not os.path.exists(path))

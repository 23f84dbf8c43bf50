"""Names the topic of a URL for journals: the same from every working directory, and without secrets."""

import os
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from mmdigit.settings.redaction import redact


@dataclass(frozen=True, slots=True)
class Destination:
    """A topic. name: for journals and messages. is_new: it does not exist yet, so it holds no job."""

    name: str
    is_new: bool


def parse_destination(url: str) -> Destination:
    """The topic that url names. Does not validate it: mmdigit.transport.urls does."""
    if not url.startswith("sqlite:///"):
        return Destination(redact(url), is_new=False)
    parts = urlsplit(url)
    # os.path raises nothing for an unreadable folder or a link loop; opening the queue file reports it.
    path = os.path.realpath(unquote(parts.path)[1:])
    return Destination(f"sqlite:///{path}{'?' if parts.query else ''}{parts.query}", is_new=not os.path.exists(path))

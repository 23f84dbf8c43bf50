"""Dead letters for replays, and their publishing."""

from mmdigit.transport.urls import dead_letter_url, open_publisher
from schemas.dead_letter import DeadLetter
from schemas.wire import encode
from tests.factories import make_dead_letter


def letter(number: int, reason: str = "invalid_image", **fields: object) -> DeadLetter:
    key = f"key-{number}".encode()
    return make_dead_letter(number, reason=reason).model_copy(
        update={"original": b"\xff%d" % number, "key": key} | fields
    )


def publish(jobs_url: str, *letters: DeadLetter | bytes) -> None:
    """Publish dead letters as the worker does; bytes as they are."""
    with open_publisher(dead_letter_url(jobs_url)) as publisher:
        for each in letters:
            if isinstance(each, bytes):
                publisher.send(None, each)
            else:
                publisher.send(each.key, encode(each, "msgpack"))
        publisher.flush(30)

"""The outcomes of a group: a list in each bucket, of the bucket's jobs in the order of their outcomes.

An entry is a letter and a job id: p for a prediction, d for a dead letter; P and D if the id is 32 hexadecimal digits,
which take 16 bytes. The script that appends also drops the oldest entries whose prediction or note has expired. The
field "first" of the group's counts is the number of the list's first entry. A new list begins at the microseconds since
1970, above all numbers of an expired one. A position has the number of the next entry in each list, so it stays valid.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from mmdigit.transport.compact import encode_id
from mmdigit.transport.encoding import decode_note, decode_prediction
from mmdigit.transport.ports import Outcome
from mmdigit.transport.redis.keys import Bucket
from mmdigit.transport.redis.servers import Call, Servers
from schemas.errors import StoreError
from schemas.prediction import Prediction

_PREDICTED, _DEAD = b"p", b"d"
_PACKED_BYTES = 16
_MAX_ENTRY_BYTES = 1 + 128


class _Entry(NamedTuple):
    """A job of the list. dead: it is listed for its dead letter."""

    job_id: str
    dead: bool


def encode_entry(job_id: str, *, dead: bool) -> bytes:
    """What the list of a group contains for the job."""
    letter, packed = _DEAD if dead else _PREDICTED, encode_id(job_id)
    return letter.upper() + packed if isinstance(packed, bytes) else letter + packed.encode()


def read_outcomes(
    servers: Servers, buckets: Sequence[Bucket], group: str, after: Sequence[int], limit: int
) -> list[Outcome]:
    """Up to limit outcomes after the position, which has one number for each bucket; none if no more are there.

    Raises StoreError if a list or a value is of another program.
    """
    positions = list(after)
    count = -(-limit // len(buckets))
    look_ups = [Call(number, ("HMGET", bucket.group + group, "first")) for number, bucket in enumerate(buckets)]
    while True:
        firsts = _numbers(servers.run(look_ups), group)
        starts = [max(position, first) for position, first in zip(positions, firsts, strict=True)]
        lists = servers.run(
            [
                Call(number, ("LRANGE", bucket.outcomes + group, start - first, start - first + count - 1))
                for number, (bucket, start, first) in enumerate(zip(buckets, starts, firsts, strict=True))
            ]
        )
        pages = {number: [_decode_entry(entry) for entry in entries] for number, entries in enumerate(lists) if entries}
        if not pages:
            return []
        values = [Call(number, ("MGET", *_keys(buckets[number], page))) for number, page in pages.items()]
        answers = servers.run([*values, *look_ups])
        if _numbers(answers[len(values) :], group) != firsts:
            continue  # a writer dropped entries meanwhile, so the indices may have been wrong
        found: list[Outcome] = []
        for (number, page), answer in zip(pages.items(), answers, strict=False):
            for index, (entry, value) in enumerate(zip(page, answer, strict=True)):
                if len(found) == limit:
                    return found
                positions[number] = starts[number] + index + 1
                result = None if value is None else _result(entry, value, group)
                if result is not None:
                    found.append(Outcome(",".join(map(str, positions)), entry.job_id, result))
        if found:
            return found


def _numbers(answers: Sequence[Any], group: str) -> list[int]:
    """The number of each list's first entry. answers: to HMGET."""
    if any(value is not None and not (value.isdigit() and len(value) <= 18) for [value] in answers):
        raise StoreError(
            f"expected the counts of the group {group}, got something else; give this program its own store"
        )
    return [int(value or 0) for [value] in answers]


def _keys(bucket: Bucket, page: Sequence[_Entry]) -> list[str]:
    return [(bucket.note if entry.dead else bucket.prediction) + entry.job_id for entry in page]


def _result(entry: _Entry, value: bytes, group: str) -> Prediction | str | None:
    """The job's outcome; None if it now belongs to another group: an id that was used again after it had expired."""
    if entry.dead:
        reason, owner = decode_note(value)
        return reason if owner == group else None
    prediction = decode_prediction(value)
    return prediction if prediction.group == group else None


def _decode_entry(entry: bytes) -> _Entry:
    letter, job_id = entry[:1], entry[1:]
    if letter.lower() in (_PREDICTED, _DEAD) and len(entry) <= _MAX_ENTRY_BYTES:
        dead = letter.lower() == _DEAD
        if letter.islower() and job_id.isascii():
            return _Entry(job_id.decode("ascii"), dead)
        if letter.isupper() and len(job_id) == _PACKED_BYTES:
            return _Entry(job_id.hex(), dead)
    raise StoreError("expected a job in the list of a group, got something else; give this program its own store")

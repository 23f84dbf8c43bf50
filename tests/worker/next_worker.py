"""A worker of the next release, to run beside this one: it reads jobs of versions 1 and 2 and writes new fields.

The rest of the command line is that of the worker.
"""

import sys
from typing import Literal

import msgpack  # type: ignore[import-untyped]

from mmdigit.consuming import dead_letters
from mmdigit.transport import compact, encoding
from schemas import wire
from schemas.dead_letter import DeadLetter
from schemas.job import Job
from schemas.prediction import Prediction
from worker import outcomes
from worker.__main__ import main

VERSION = "next"
_KNOWN_FIELDS = 15


class NextJob(Job):
    """Has one more field, and so a new version."""

    version: Literal[1, 2] = 2  # type: ignore[assignment]
    pen: str | None = None


class NextPrediction(Prediction):
    """Has one more field within its version."""

    rivals: tuple[int, ...] = (4, 9)


class NextDeadLetter(DeadLetter):
    """Has one more field within its version."""

    worker_version: str = VERSION


def next_pack(prediction: NextPrediction) -> bytes:
    """Packed, with the new field at the end."""
    known = Prediction(**{name: getattr(prediction, name) for name in Prediction.model_fields})
    fields = msgpack.unpackb(compact.encode(known)[1:])
    fields += [None] * (_KNOWN_FIELDS - len(fields))
    value: bytes = b"\x01" + msgpack.packb([*fields, prediction.rivals])
    return value


def next_read(value: bytes) -> NextPrediction:
    """A prediction that next_pack or this release stored."""
    more = msgpack.unpackb(value[1:])[_KNOWN_FIELDS:]
    known = encoding.decode_prediction(value)
    return NextPrediction(**dict(known), **({"rivals": tuple(more[0])} if more else {}))


def become_next() -> None:
    """Make this process write as the next release does."""
    wire.Job = NextJob  # type: ignore[attr-defined]
    encoding.encode = next_pack  # type: ignore[assignment, attr-defined]
    outcomes.VERSION = VERSION  # type: ignore[attr-defined]
    outcomes.Prediction = NextPrediction  # type: ignore[attr-defined]
    dead_letters.DeadLetter = NextDeadLetter  # type: ignore[attr-defined]


if __name__ == "__main__":
    become_next()
    sys.argv = sys.argv[sys.argv.index("worker") :]
    sys.exit(main())

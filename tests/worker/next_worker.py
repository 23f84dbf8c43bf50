"""A worker of the release to come, for tests of both side by side: reads jobs of versions 1 and 2, writes new fields.

A launcher: the command that follows it is the worker that it becomes.
"""

import sys
from typing import Literal

import msgpack  # type: ignore[import-untyped]

from mmdigit.transport import compact, encoding
from schemas import wire
from schemas.dead_letter import DeadLetter
from schemas.job import Job
from schemas.prediction import Prediction
from worker import outcomes
from worker.__main__ import main

VERSION = "next"
_KNOWN_FIELDS = 14


class NextJob(Job):
    """Has a field more, and so a version of its own."""

    version: Literal[1, 2] = 2  # type: ignore[assignment]
    pen: str | None = None


class NextPrediction(Prediction):
    """Has a field more, within its version."""

    rivals: tuple[int, ...] = (4, 9)


class NextDeadLetter(DeadLetter):
    """Has a field more, within its version."""

    worker_version: str = VERSION


def next_pack(prediction: NextPrediction) -> bytes:
    """Packed, with the new field behind those of before."""
    known = Prediction(**{name: getattr(prediction, name) for name in Prediction.model_fields})
    fields = msgpack.unpackb(compact.encode(known)[1:])
    fields += [None] * (_KNOWN_FIELDS - len(fields))
    value: bytes = b"\x01" + msgpack.packb([*fields, prediction.rivals])
    return value


def next_read(value: bytes) -> NextPrediction:
    """What next_pack or this release stored."""
    more = msgpack.unpackb(value[1:])[_KNOWN_FIELDS:]
    known = encoding.decode_prediction(value)
    return NextPrediction(**dict(known), **({"rivals": tuple(more[0])} if more else {}))


def become_next() -> None:
    """From now on this process speaks as the release to come."""
    wire.Job = NextJob  # type: ignore[attr-defined]
    encoding.encode = next_pack  # type: ignore[assignment, attr-defined]
    outcomes.VERSION = VERSION  # type: ignore[attr-defined]
    outcomes.Prediction = NextPrediction  # type: ignore[attr-defined]
    outcomes.DeadLetter = NextDeadLetter  # type: ignore[attr-defined]


if __name__ == "__main__":
    become_next()
    sys.argv = sys.argv[sys.argv.index("worker") :]
    sys.exit(main())

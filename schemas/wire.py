"""Wire encodings of jobs and dead letters: JSON with base64, or msgpack; told apart by the first byte."""

from datetime import datetime
from typing import Any, Literal, TypeVar

import msgpack
from pydantic import BaseModel, ValidationError

from schemas.dead_letter import DeadLetter
from schemas.errors import InvalidRecord, RecordTooLarge, UnknownVersion
from schemas.job import MAX_RECORD_BYTES, Job
from schemas.settings import validation_lines

Wire = Literal["json", "msgpack"]
Model = TypeVar("Model", bound=BaseModel)

_JSON_STARTS = b"{ \t\r\n"
_MAX_DEAD_LETTER_BYTES = 4 * MAX_RECORD_BYTES


def encode(model: BaseModel, wire: Wire) -> bytes:
    """The model on the wire, without the fields that are None."""
    if wire == "json":
        return model.model_dump_json(exclude_none=True).encode()
    fields = model.model_dump(exclude_none=True)
    return msgpack.packb(fields, default=_isoformat)  # type: ignore[no-any-return]


def decode_job(value: bytes) -> Job:
    """Raises InvalidRecord if value is not a Job in either encoding, and its leaves RecordTooLarge and UnknownVersion."""
    return _decode(value, Job, MAX_RECORD_BYTES)


def decode_dead_letter(value: bytes) -> DeadLetter:
    """Raises InvalidRecord if value is not a DeadLetter of a known version in either encoding."""
    return _decode(value, DeadLetter, _MAX_DEAD_LETTER_BYTES)


def _decode(value: bytes, model: type[Model], max_bytes: int) -> Model:
    expected = f"expected a {model.__name__} of version 1 as JSON or msgpack"
    if not value:
        raise InvalidRecord(f"{expected}, got an empty record; send the job's fields")
    if len(value) > max_bytes:
        raise RecordTooLarge(f"{expected} of at most {max_bytes} bytes, got {len(value)}; send a smaller image or clip")
    try:
        if value[0] in _JSON_STARTS:
            return model.model_validate_json(value)
        return model.model_validate(_unpack(value))
    except ValidationError as error:
        if any(failure["loc"] == ("version",) for failure in error.errors()):
            raise UnknownVersion(f"{expected}: {validation_lines(error)}; upgrade this program or the sender") from error
        raise InvalidRecord(f"{expected}: {validation_lines(error)}") from error
    # msgpack documents these for broken input; RecursionError and MemoryError for hostile nesting and sizes.
    except (ValueError, RecursionError, MemoryError, msgpack.UnpackException) as error:
        raise InvalidRecord(f"{expected}, got {len(value)} bytes that are neither ({type(error).__name__})") from error


def _unpack(value: bytes) -> Any:
    # Containers hold at most a field per byte, and no job has more than a few: refuse before building them.
    return msgpack.unpackb(value, max_array_len=64, max_map_len=64, max_ext_len=0)


def _isoformat(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"cannot encode {type(value).__name__}")

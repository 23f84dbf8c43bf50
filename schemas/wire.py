"""Encodes and decodes jobs, pages and dead letters: JSON with base64, or msgpack, told apart by the first byte."""

import json
import re
from collections import Counter
from datetime import datetime
from typing import Any, Literal, TypeVar

import msgpack  # type: ignore[import-untyped]
from pydantic import BaseModel, ValidationError

from schemas.dead_letter import DeadLetter
from schemas.errors import InvalidRecord, RecordTooLarge, UnknownVersion
from schemas.job import MAX_RECORD_BYTES, Job
from schemas.page import Page
from schemas.printable import printable
from schemas.validation import validation_lines

Wire = Literal["json", "msgpack"]
T = TypeVar("T", bound=BaseModel)

_JSON_STARTS = b"{ \t\r\n"
_MAX_DEAD_LETTER_BYTES = 4 * MAX_RECORD_BYTES

# A parser builds an object of tens of bytes from each "[]," of a hostile record: 6 MiB became 750 MiB before a field
# was checked. No record holds lists or more than a few maps, so such ones are refused before they are parsed.
_MAX_COMMAS = 1200  # a dead letter's error text may hold a thousand
_MAX_MAP_LENGTH = 64
_MAX_MAPS = 4

# A version above 1 as the first field: the rest of a newer schema may exceed these limits.
_NEWER = re.compile(
    rb'\s*\{\s*"version"\s*:\s*(?:[2-9]|[1-9][0-9]{1,3})\s*[,}]'
    rb"|(?:[\x80-\x8f]|\xde[\x00-\xff]{2})\xa7version(?:[\x02-\x7f]|\xcc[\x80-\xff])"
)


def encode(model: BaseModel, wire: Wire) -> bytes:
    """The bytes of the model on the wire, without the fields that are None."""
    if wire == "json":
        return model.model_dump_json(exclude_none=True).encode()
    fields = model.model_dump(exclude_none=True)
    return msgpack.packb(fields, default=_isoformat)  # type: ignore[no-any-return]


def decode_job(value: bytes) -> Job:
    """The job in value, in either encoding.

    Raises InvalidRecord if value is not a job, or its leaves RecordTooLarge and UnknownVersion. Strict: "3" and 3.0 are
    not 3, text is not bytes. Allocates at most a small multiple of len(value).
    """
    return _decode(value, Job, MAX_RECORD_BYTES)


def decode_page(value: bytes) -> Page:
    """The page in value, in either encoding. Raises as decode_job does; its content is not looked at."""
    return _decode(value, Page, MAX_RECORD_BYTES)


def decode_dead_letter(value: bytes) -> DeadLetter:
    """The dead letter in value, in either encoding. Raises as decode_job does."""
    return _decode(value, DeadLetter, _MAX_DEAD_LETTER_BYTES)


def _decode(value: bytes, model: type[T], max_bytes: int) -> T:
    expected = f"expected a {model.__name__} of version 1 as JSON or msgpack"
    if not value:
        raise InvalidRecord(f"{expected}, got an empty record; send the job's fields")
    if len(value) > max_bytes:
        raise RecordTooLarge(
            f"{expected} of at most {max_bytes} bytes, got {len(value)}; send a smaller image, clip or page"
        )
    try:
        if value[0] not in _JSON_STARTS:
            return model.model_validate(_unpack(value), strict=True)
        commas = value.count(b",")
        if commas > _MAX_COMMAS:
            raise _refused(value, f"{expected}, got JSON of more than {_MAX_COMMAS} parts; send only its fields")
        decoded = model.model_validate_json(value, strict=True)
        if commas >= len(decoded.__pydantic_fields_set__):  # a repeated field adds a comma, as text may
            json.loads(value, object_pairs_hook=_fields, parse_int=str, parse_float=str)
        return decoded
    except _RepeatedField as error:
        raise InvalidRecord(f"{expected}, got {error}; send each field once") from error
    except ValidationError as error:
        lines = validation_lines(error)
        if any(failure["loc"] == ("version",) for failure in error.errors(include_input=False, include_url=False)):
            raise UnknownVersion(f"{expected}: {lines}; upgrade this program or the sender") from error
        raise InvalidRecord(f"{expected}: {lines}") from error
    # Documented by msgpack for broken input; RecursionError and MemoryError arise from hostile nesting and sizes.
    except (ValueError, RecursionError, MemoryError, msgpack.UnpackException) as error:
        what = f"{expected}, got {len(value)} bytes that are neither ({type(error).__name__})"
        raise _refused(value, what) from error


def _refused(value: bytes, what: str) -> InvalidRecord:
    """The error for a broken or oversized record: UnknownVersion if it begins like a newer version."""
    return UnknownVersion(f"{what}; its version is newer, upgrade") if _NEWER.match(value) else InvalidRecord(what)


class _RepeatedField(Exception):  # noqa: N818  its message completes "got"
    """A map names a field twice; readers in other languages may take the first, or refuse."""


def _fields(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        [(name, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise _RepeatedField(f"the field {printable(str(name), 60)} more than once")
    return fields


def _unpack(value: bytes) -> Any:
    maps = 0

    def count_maps(fields: dict[str, object]) -> dict[str, object]:
        nonlocal maps
        maps += 1
        if maps > _MAX_MAPS:
            raise ValueError("more maps than any record has")
        return fields

    unpacked = msgpack.unpackb(
        value, object_hook=count_maps, max_array_len=0, max_map_len=_MAX_MAP_LENGTH, max_ext_len=0
    )
    # The first byte of a plain job or page, one map of under 16 fields, gives their number. Everything else is unpacked
    # as pairs to find repeated fields, which costs a tenth more.
    if maps != 1 or value[0] - 0x80 != len(unpacked):
        msgpack.unpackb(value, object_pairs_hook=_fields)
    return unpacked


def _isoformat(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"cannot encode {type(value).__name__}")

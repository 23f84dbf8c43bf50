"""A record that names a field twice is refused, in both encodings and at every level; no other record is."""

import base64
import json
from collections.abc import Callable
from typing import Any

import msgpack  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from schemas.errors import InvalidRecord
from schemas.wire import decode_dead_letter, decode_job, encode
from tests.schemas.samples import DEAD_LETTER, JOB, dead_letters, jobs
from worker.decoding import decode

Fields = list[tuple[str, Any]]
JOB_FIELDS: Fields = list(msgpack.unpackb(encode(JOB, "msgpack")).items())
LETTER_FIELDS: Fields = list(msgpack.unpackb(encode(DEAD_LETTER, "msgpack")).items())
REFUSED = r"^expected a \w+ of version 1 .*, got the field {} more than once; send each field once$"


def as_json(value: Any) -> bytes:
    """JSON with the members of a list of pairs, repeated ones included; bytes become base64."""
    if isinstance(value, list):
        return b"{" + b", ".join(as_json(name) + b" : " + as_json(inner) for name, inner in value) + b"}"
    if isinstance(value, dict):
        return as_json(list(value.items()))
    return json.dumps(base64.b64encode(value).decode() if isinstance(value, bytes) else value).encode()


def as_msgpack(value: Any) -> bytes:
    if isinstance(value, list):
        header: bytes = msgpack.Packer().pack_map_header(len(value))
        return header + b"".join(as_msgpack(part) for pair in value for part in pair)
    if isinstance(value, dict):
        return as_msgpack(list(value.items()))
    packed: bytes = msgpack.packb(value)
    return packed


WIRES: dict[str, Callable[[Any], bytes]] = {"json": as_json, "msgpack": as_msgpack}


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("name", dict(JOB_FIELDS))
@pytest.mark.parametrize("first", ["same", "other"])
def test_repeated_field_of_a_job_is_refused(wire: str, name: str, first: str) -> None:
    write = WIRES[wire]
    assert decode_job(write(JOB_FIELDS)) == JOB
    earlier = (name, dict(JOB_FIELDS)[name] if first == "same" else None)
    with pytest.raises(InvalidRecord, match=REFUSED.format(name)):
        decode_job(write([earlier, *JOB_FIELDS]))


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("name", [*dict(LETTER_FIELDS), "a_later_field"])
def test_repeated_field_of_a_dead_letter_is_refused(wire: str, name: str) -> None:
    fields = [*LETTER_FIELDS, ("a_later_field", 1)]
    assert decode_dead_letter(WIRES[wire](fields)) == DEAD_LETTER
    with pytest.raises(InvalidRecord, match=REFUSED.format(name)):
        decode_dead_letter(WIRES[wire]([*fields, (name, dict(fields)[name])]))


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("place", ["source", "a_later_field"])
def test_repeated_field_of_an_inner_map_is_refused(wire: str, place: str) -> None:
    source = [("topic", "t"), ("partition", 1), ("partition", 2), ("offset", 3)]
    fields = [(name, value) for name, value in LETTER_FIELDS if name != place]
    with pytest.raises(InvalidRecord, match=REFUSED.format("partition")):
        decode_dead_letter(WIRES[wire]([*fields, (place, source)]))


def test_repeated_field_may_be_written_in_two_ways() -> None:
    with pytest.raises(InvalidRecord, match=REFUSED.format("job_id")):
        decode_job(as_json(JOB_FIELDS)[:-1] + b', "job\\u005fid": "b"}')


def test_repeated_field_is_escaped_in_the_error() -> None:
    name = "\x1b[2J\u202e" + "n" * 1000
    with pytest.raises(InvalidRecord) as caught:
        decode_dead_letter(as_json([*LETTER_FIELDS, (name, 1), (name, 2)]))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("write", WIRES.values())
def test_repeated_field_of_a_large_map_is_refused(write: Callable[[Any], bytes]) -> None:
    many = [*LETTER_FIELDS, *((f"later_{number}", {}) for number in range(2)), *((f"n{n}", n) for n in range(30))]
    assert decode_dead_letter(write(many)) == DEAD_LETTER
    with pytest.raises(InvalidRecord, match=REFUSED.format("n7")):
        decode_dead_letter(write([*many, ("n7", 7)]))


def test_long_map_header_of_a_small_job_is_read() -> None:
    short = as_msgpack(JOB_FIELDS)
    for header in (b"\xde\x00" + bytes([len(JOB_FIELDS)]), b"\xdf\x00\x00\x00" + bytes([len(JOB_FIELDS)])):
        assert decode_job(header + short[1:]) == JOB


@given(jobs | dead_letters, st.data())
def test_any_repeated_field_of_any_model_is_refused(model: BaseModel, data: st.DataObject) -> None:
    read = decode_job if "image" in type(model).model_fields else decode_dead_letter
    fields: Fields = list(msgpack.unpackb(encode(model, "msgpack")).items())
    repeated = data.draw(st.sampled_from(fields))
    place = data.draw(st.integers(0, len(fields)))
    for write in WIRES.values():
        assert read(write(fields)) == model
        with pytest.raises(InvalidRecord, match=REFUSED.format(repeated[0])):
            read(write([*fields[:place], repeated, *fields[place:]]))


def test_repeated_field_becomes_a_dead_letter() -> None:
    from tests.worker.fakes import record

    [decoded] = decode([record(0, as_json([*JOB_FIELDS, ("job_id", "b")]))], lambda: 0.0)
    assert decoded.error is not None
    assert decoded.error.reason == "invalid_record"
    assert "the field job_id more than once" in str(decoded.error)

"""Both encodings: round trips, strictness, limits, and only InvalidRecord for any other bytes."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import msgpack  # type: ignore[import-untyped]
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from schemas.dead_letter import DeadLetter
from schemas.errors import InvalidRecord, RecordTooLarge, UnknownVersion
from schemas.job import MAX_AUDIO_BYTES, MAX_IMAGE_BYTES, MAX_RECORD_BYTES, Job
from schemas.page import (
    MAX_CONTENT_BYTES,
    MAX_NAME_CHARACTERS,
    MAX_PAGE_NUMBER,
    MAX_RECORDINGS,
    MAX_RECORDINGS_BYTES,
    MAX_SCANNER_CHARACTERS,
    Page,
)
from schemas.wire import Wire, decode_dead_letter, decode_job, decode_page, encode
from tests.schemas.samples import CREATED_AT, DEAD_LETTER, JOB, PAGE, dead_letters, jobs, pages

ROOT = Path(__file__).parents[2]
WIRES: tuple[Wire, ...] = get_args(Wire)
MAX_MESSAGE_CHARACTERS = 700

FIELDS = {"version": 1, "job_id": "a", "image": b"x", "created_at": "2026-01-31T12:00:00Z"}


def as_json(**changes: object) -> bytes:
    return json.dumps({**FIELDS, "image": "eA==", **changes}).encode()


def as_msgpack(**changes: object) -> bytes:
    packed: bytes = msgpack.packb({**FIELDS, **changes})
    return packed


def refused(value: bytes, decode: Callable[[bytes], BaseModel] = decode_job) -> InvalidRecord:
    with pytest.raises(InvalidRecord) as caught:
        decode(value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= MAX_MESSAGE_CHARACTERS
    return caught.value


@pytest.mark.parametrize("wire", WIRES)
@given(jobs)
def test_jobs_round_trip(wire: Wire, job: Job) -> None:
    assert decode_job(encode(job, wire)) == job


@pytest.mark.parametrize("wire", WIRES)
@given(pages)
def test_pages_round_trip(wire: Wire, page: Page) -> None:
    assert decode_page(encode(page, wire)) == page


@pytest.mark.parametrize("wire", WIRES)
def test_decode_page_accepts_the_largest_page(wire: Wire) -> None:
    page = Page(
        file_name="\N{SNOWMAN}" * MAX_NAME_CHARACTERS,
        file_sha256="f" * 64,
        number=MAX_PAGE_NUMBER,
        content=b"\xff" * MAX_CONTENT_BYTES,
        scanner="\N{SNOWMAN}" * MAX_SCANNER_CHARACTERS,
        created_at=CREATED_AT,
    )
    assert decode_page(encode(page, wire)) == page


def test_largest_page_with_recordings_fits_a_record_in_msgpack() -> None:
    recordings = {f"a{number}": bytes(MAX_RECORDINGS_BYTES // MAX_RECORDINGS) for number in range(MAX_RECORDINGS)}
    page = PAGE.model_copy(update={"content": bytes(MAX_CONTENT_BYTES), "recordings": recordings})
    assert decode_page(encode(page, "msgpack")) == page


@pytest.mark.parametrize(
    "changes",
    [
        {"file_name": ""},
        {"file_name": "a" * 256},
        {"file_name": b"a.pdf"},
        {"file_sha256": "0F" * 32},
        {"file_sha256": "0f" * 31},
        {"number": 0},
        {"number": 1_000_001},
        {"number": "1"},
        {"number": 1.0},
        {"content": b""},
        {"content": bytes(MAX_CONTENT_BYTES + 1)},
        {"content": "eA=="},
        {"content": None},
        {"scanner": None},
        {"scanner": "a" * 201},
        {"recordings": []},
        {"recordings": {"member": None}},
        {"recordings": {"member": "eA=="}},
        {"recordings": {"../member": b"x"}},
        {"recordings": {"items.0.amount": b"x"}},
        {"recordings": {b"member": b"x"}},
        {"recordings": {f"a{number}": b"" for number in range(MAX_RECORDINGS + 1)}},
        {"recordings": {name: bytes(MAX_RECORDINGS_BYTES // 2 + 1) for name in "ab"}},
        {"created_at": 5},
        {"path": "/etc/passwd"},
    ],
)
def test_decode_page_is_strict(changes: dict[str, object]) -> None:
    refused(msgpack.packb({**msgpack.unpackb(encode(PAGE, "msgpack")), **changes}), decode_page)


@pytest.mark.parametrize("wire", WIRES)
@given(dead_letters)
def test_dead_letters_round_trip(wire: Wire, dead_letter: DeadLetter) -> None:
    assert decode_dead_letter(encode(dead_letter, wire)) == dead_letter


@pytest.mark.parametrize("wire", WIRES)
def test_dead_letter_round_trips_with_any_refused_record(wire: Wire) -> None:
    largest = DEAD_LETTER.model_copy(update={"original": bytes(MAX_RECORD_BYTES), "key": bytes(1000)})
    assert decode_dead_letter(encode(largest, wire)) == largest


@pytest.mark.parametrize("wire", WIRES)
def test_decode_job_accepts_the_largest_job(wire: Wire) -> None:
    job = Job(
        job_id="j" * 128,
        group="g" * 128,
        image=bytes(MAX_IMAGE_BYTES),
        audio=b"\xff" * MAX_AUDIO_BYTES,
        expected=9,
        created_at=CREATED_AT,
    )
    assert decode_job(encode(job, wire)) == job


@pytest.mark.parametrize("field", ["image", "audio"])
def test_job_one_byte_too_large_is_refused(field: str) -> None:
    assert f"{field}: Data should have at most 2097152 bytes" in str(
        refused(as_msgpack(**{field: bytes(MAX_IMAGE_BYTES + 1)}))
    )


@pytest.mark.parametrize("start", [b"{", b"\x84", b"\xff"])
def test_decode_refuses_a_too_large_record_before_parsing(start: bytes) -> None:
    assert isinstance(refused(start * (MAX_RECORD_BYTES + 1)), RecordTooLarge)
    assert not isinstance(refused(start * MAX_RECORD_BYTES), RecordTooLarge)


@pytest.mark.parametrize("value", [as_json(), as_msgpack(), b" \r\n\t" + as_json(), as_json(group=None, audio=None)])
def test_job_needs_only_id_input_and_time(value: bytes) -> None:
    assert decode_job(value) == Job(job_id="a", image=b"x", created_at=CREATED_AT.replace(microsecond=0))


@pytest.mark.parametrize("version", [0, 2, 99, "1", None, [1], 2**70, 1.0, True])
def test_decode_names_an_unknown_version(version: object) -> None:
    error = refused(as_json(version=version))
    assert isinstance(error, UnknownVersion)
    assert "upgrade" in str(error)
    if version != 2**70:
        assert isinstance(refused(as_msgpack(version=version, new_field={"a": 1})), InvalidRecord)
    if not isinstance(version, int | list) or isinstance(version, bool):
        assert isinstance(refused(as_msgpack(version=version)), UnknownVersion)


def test_newer_version_is_recognized_by_its_first_field() -> None:
    strokes = [[0, 1], [2, 3]] * 700
    for version in (2, 99, 200):
        for value in (as_json(version=version, strokes=strokes), as_msgpack(version=version, strokes=strokes)):
            assert isinstance(refused(value), UnknownVersion)
    for value in (as_json(strokes=strokes), as_msgpack(strokes=strokes), as_msgpack(version=0, strokes=strokes)):
        assert not isinstance(refused(value), UnknownVersion)


@pytest.mark.parametrize(
    "changes",
    [
        {"expected": "3"},
        {"expected": 3.0},
        {"expected": True},
        {"expected": 10},
        {"expected": -1},
        {"job_id": ""},
        {"job_id": "a b"},
        {"job_id": "a\n"},
        {"job_id": "../a"},
        {"job_id": "a" * 129},
        {"job_id": 5},
        {"job_id": None},
        {"group": "\u202e"},
        {"group": ["g"]},
        {"created_at": 5},
        {"created_at": "5"},
        {"created_at": 1.7e9},
        {"created_at": "yesterday"},
        {"created_at": "2026-01-31"},
        {"created_at": "2026-01-31T12:00:00"},
        {"created_at": "2026-01-31T12:00:00+23:59:59"},
        {"created_at": "0001-01-01T00:00:00+14:00"},
        {"created_at": "9999-12-31T23:59:59-14:00"},
        {"created_at": None},
        {"image": None},
        {"image": 5},
        {"image": {"path": "/etc/passwd"}},
        {"image": [120]},
        {"audio": "!"},
        {"picture": "eA=="},
    ],
)
def test_decode_job_is_strict(changes: dict[str, object]) -> None:
    refused(as_json(**changes))
    refused(as_msgpack(**changes))


def test_msgpack_bytes_and_text_are_distinct() -> None:
    refused(as_msgpack(image="eA=="))
    refused(as_msgpack(job_id=b"a"))
    refused(as_msgpack(created_at=msgpack.Timestamp(5)))
    refused(msgpack.packb({key.encode(): value for key, value in FIELDS.items()}))


@pytest.mark.parametrize("text", ["A", "AA=A", "A A=", "A\nA=", "+A-A", "\u00e9"])
def test_invalid_base64_is_refused(text: str) -> None:
    refused(as_json(image=text))


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"1" * 5000])
def test_nan_and_infinity_are_refused(constant: bytes) -> None:
    refused(as_json(expected=7).replace(b"7", constant))


HOSTILE = {
    "empty": b"",
    "cut JSON": as_json()[:-1],
    "cut msgpack": as_msgpack()[:-1],
    "two JSON objects": as_json() * 2,
    "two msgpack maps": as_msgpack() * 2,
    "deep JSON maps": b'{"a":' * 100_000,
    "deep JSON lists": b'{"a":' + b"[" * 100_000,
    "deep msgpack lists": b"\x91" * 100_000,
    "deep msgpack maps": b"\x81\xa1a" * 100_000,
    "msgpack list of 2**32": b"\xdd\xff\xff\xff\xff",
    "msgpack map of 2**32": b"\xdf\xff\xff\xff\xff",
    "msgpack bytes of 2**32": b"\x81\xa5image\xc6\xff\xff\xff\xff",
    "msgpack text of 2**32": b"\x81\xa5image\xdb\xff\xff\xff\xff",
    "msgpack extension of 2**32": b"\x81\xa5image\xc9\xff\xff\xff\xff\x01",
    "msgpack number": b"\x05",
    "msgpack reserved byte": b"\xc1",
    "map as a key": b"\x81\x80\x01",
    "text that is not UTF-8": b"\x81\xa1\xff\x01",
    "JSON that is not UTF-8": b'{"job_id":"\xff"}',
    "half a surrogate pair": b'{"job_id":"\\ud800"}',
    "JSON in UTF-16": as_json().decode().encode("utf-16"),
    "JSON list": b"[1]",
    "a long field name": b'{"' + b"n" * 1_000_000 + b'":1}',
    "a field name that moves the cursor": b'{"\\u001b[2J\\u202e\\n":1}',
    "many field names": b"{" + b",".join(b'"%d\\u001b":1' % number for number in range(1000)) + b"}",
    "a long number": b'{"expected":' + b"1" * 1_000_000 + b"}",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("decode", [decode_job, decode_page, decode_dead_letter])
def test_hostile_records_are_refused(name: str, decode: Callable[[bytes], BaseModel]) -> None:
    refused(HOSTILE[name], decode)


def outcome(decode: Callable[[bytes], BaseModel], value: bytes) -> None:
    """Decode value; fail unless that gives a model or an InvalidRecord with a short, printable message."""
    try:
        assert isinstance(decode(value), BaseModel)
    except InvalidRecord as error:
        message = str(error)
    else:
        return
    assert message.isprintable()
    assert len(message) <= MAX_MESSAGE_CHARACTERS


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(sorted(Job.model_fields)), inner),
    max_leaves=10,
)


@settings(max_examples=300)
@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: b"{" + tail) | anything.map(msgpack.packb))
@example(b"{}")
@example(b"\x80")
def test_random_records_raise_only_invalid_record(value: bytes) -> None:
    outcome(decode_job, value)
    outcome(decode_page, value)
    outcome(decode_dead_letter, value)


@settings(max_examples=300)
@given(
    st.sampled_from([encode(model, wire) for model in (JOB, PAGE, DEAD_LETTER) for wire in WIRES]),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 2), st.binary(max_size=3)), min_size=1, max_size=4),
)
def test_damaged_records_raise_only_invalid_record(value: bytes, damages: list[tuple[int, int, bytes]]) -> None:
    for place, removed, put_in in damages:
        value = value[:place] + put_in + value[place + removed :]
    outcome(decode_job, value)
    outcome(decode_page, value)
    outcome(decode_dead_letter, value)


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(sorted(Job.model_fields)), anything))
def test_wrong_values_raise_only_invalid_record(changes: dict[str, Any]) -> None:
    outcome(decode_job, as_msgpack(**changes))


def test_small_hostile_records_use_little_memory() -> None:
    # In its own process, to measure its peak memory: 6 MiB of lists in JSON once took 750 MiB.
    script = f"""
import resource
from schemas.errors import InvalidRecord
from schemas.wire import decode_job
n = {MAX_RECORD_BYTES} - 100
def tree(depth):
    inner = tree(depth - 1) if depth else b"\\x80"
    return b"\\x82\\xa1a" + inner + b"\\xa1b" + inner
records = [
    b'{{"a":[' + b"[]," * (n // 3) + b"1]}}",
    b'{{"a":[' + b"1," * (n // 2) + b"1]}}",
    b"{{" + b",".join(b'"%x":1' % number for number in range(n // 13)) + b"}}",
    b"\\x81\\xa1a\\xdc\\x00\\x40" + (b"\\xdc\\x00\\x40" + (b"\\xdc\\x00\\x40" + b"\\x90" * 64) * 64) * 64,
    tree(18),
]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for record in records:
    try:
        decode_job(record)
    except InvalidRecord:
        continue
    raise SystemExit("decoded")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    unit_mib = 1 if sys.platform == "linux" else 1024  # macOS counts bytes, Linux KiB
    assert int(ran.stdout) / unit_mib < 64

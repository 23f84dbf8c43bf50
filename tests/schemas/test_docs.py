"""docs/use/wire.md: its example runs, and its numbers are those of the code."""

import os
import re
import subprocess
from pathlib import Path

import schemas.wire
from schemas.dead_letter import MAX_TIMES_DEAD, TIMES_DEAD_HEADER
from schemas.job import MAX_AUDIO_BYTES, MAX_IMAGE_BYTES, MAX_RECORD_BYTES, Job
from schemas.page import ID_CHARACTERS, MAX_CONTENT_BYTES, MAX_RECORDINGS, MAX_RECORDINGS_BYTES, Page, page_id
from schemas.trace import TRACEPARENT_HEADER
from schemas.wire import decode_job

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "use" / "wire.md").read_text()


def test_wire_page_example_makes_a_job() -> None:
    (script,) = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    ran = subprocess.run(
        ["sh", "-ec", script], cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True, check=True
    )
    job = decode_job(ran.stdout)
    assert (job.job_id, job.audio) == ("form-17.field-3", None)
    assert (job.image or b"").startswith(b"\x89PNG")


def test_wire_page_explains_every_field() -> None:
    jobs, _, rest = PAGE.partition("## Headers")[0].partition("## A page of a form")
    for text, model in ((jobs, Job), (rest.partition("## ")[0], Page)):
        assert sorted(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == sorted(model.model_fields)


def test_wire_page_names_the_key_of_a_page() -> None:
    assert (MAX_CONTENT_BYTES, ID_CHARACTERS) == (4 * 2**20, 32)
    assert page_id("0f" * 32, 17) == "b890af2268b1334c477acbd0836d4570"


def test_wire_page_states_the_limits_of_the_code() -> None:
    assert MAX_IMAGE_BYTES == MAX_AUDIO_BYTES == 2 * 2**20
    assert "| record | 6 MiB |" in PAGE
    assert f"at most {MAX_RECORDINGS}:" in PAGE
    assert f"{MAX_RECORDINGS_BYTES / 2**20:g} MiB together" in PAGE
    assert MAX_RECORD_BYTES == 6 * 2**20
    assert f"| commas in JSON | {schemas.wire._MAX_COMMAS:,} |" in PAGE
    assert f"| maps in msgpack | {schemas.wire._MAX_MAPS}, of {schemas.wire._MAX_MAP_LENGTH} fields |" in PAGE
    assert f"| `{TIMES_DEAD_HEADER}` | decimal digits, 1-{MAX_TIMES_DEAD} |" in PAGE
    assert f"| `{TRACEPARENT_HEADER}` |" in PAGE

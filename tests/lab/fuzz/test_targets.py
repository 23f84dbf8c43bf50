"""Every saved fuzz input, fixed crashers included, raises only documented errors, in bounded time."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.fuzz.targets import HERE, TARGETS, Target, Violation, saved_inputs
from schemas.errors import InvalidRecord

ROOT = Path(__file__).parents[3]
MAX_S = 2.0
"""CPU seconds of an input of at most 64 KiB: a hundred times the slowest, for busy machines."""

INPUTS = [(name, path) for name in TARGETS for kind in ("corpus", "crashers") for path in saved_inputs(kind, name)]


def test_targets_and_corpora_match() -> None:
    assert {name for name, path in INPUTS if path.parent.parent.name == "corpus"} == TARGETS.keys()
    for kind in ("corpus", "crashers"):
        assert {path.name for path in (HERE / kind).glob("*")} <= TARGETS.keys()
    assert sum(path.stat().st_size for _, path in INPUTS) < 2**20


@pytest.mark.parametrize("name", TARGETS)
def test_target_raises_only_documented_errors(name: str) -> None:
    for path in [path for target, path in INPUTS if target == name]:
        started_s = time.process_time()
        TARGETS[name].run(path.read_bytes())
        assert time.process_time() - started_s < MAX_S, path


def test_target_reports_undocumented_errors() -> None:
    def raises(error: Exception) -> Target:
        def parse(_: bytes) -> None:
            raise error

        return Target(parse, (InvalidRecord,))

    raises(InvalidRecord("documented")).run(b"")
    with pytest.raises(KeyError):
        raises(KeyError("undocumented")).run(b"")
    for message in ("x" * 1001, "\x1b[2J"):
        with pytest.raises(Violation):
            raises(InvalidRecord(message)).run(b"")


def test_targets_open_no_file_socket_or_program() -> None:
    """No path or URL is taken from a record: Python's audit events would report it, from C too."""
    script = """
import json, sys, warnings
from lab.fuzz.targets import TARGETS, saved_inputs
names = ["job", "page", "dead_letter", "image", "png", "tiff", "webp", "pixels", "audio", "samples", "batch", "stored"]
names.append("traceparent")
kinds = ("corpus", "crashers")
inputs = [(name, path.read_bytes()) for name in names for kind in kinds for path in saved_inputs(kind, name)]
for name, content in inputs:  # imports modules
    TARGETS[name].run(content)
events = set()
def note(event, arguments):
    if event.split(".")[0] in ("open", "socket", "subprocess", "os", "urllib", "ctypes", "exec", "pickle", "marshal"):
        events.add(f"{event} {arguments!r}"[:200])
sys.addaudithook(note)
for name, content in inputs:
    TARGETS[name].run(content)
counted = sorted(events)
open(sys.argv[1]).close()
print(json.dumps([len(inputs), counted, len(events) - len(counted)]))
"""
    ran = subprocess.run(
        [sys.executable, "-c", script, str(ROOT / "README.md")],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    inputs, events, of_the_last_open = json.loads(ran.stdout)
    assert inputs > 50
    assert events == []
    assert of_the_last_open == 1  # the hook works

"""The producer's default encoding is the one that the kept result of lab.benchmarks.wire chose."""

import json
from pathlib import Path

from producer.settings import ProducerSettings

RESULT = Path(__file__).parents[2] / "lab" / "results" / "wire.json"


def test_the_default_is_what_was_chosen() -> None:
    assert json.loads(RESULT.read_text())["default"] == ProducerSettings.model_fields["wire"].default

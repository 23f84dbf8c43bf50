"""The default encoding is the one that the results of lab.benchmarks.wire chose."""

import json
from pathlib import Path

from producer.settings import ProducerSettings

RESULT = Path(__file__).parents[2] / "lab" / "results" / "wire.json"


def test_default_wire_is_the_benchmarked_choice() -> None:
    assert json.loads(RESULT.read_text())["default"] == ProducerSettings.model_fields["wire"].default

"""The default encoding is the one that the benchmark's rule chooses."""

from lab.benchmarks.wire import compare
from lab.kit.machine import machine_line
from producer.settings import ProducerSettings


def test_default_wire_wins_the_benchmark() -> None:
    result = compare(calls=50, repetitions=5)
    assert result["default"] == ProducerSettings.model_fields["wire"].default
    assert "pydantic" in machine_line(result["machine"])  # type: ignore[arg-type]

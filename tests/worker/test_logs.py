"""Log lines cannot be forged, and JSON ones parse."""

import json
import logging

from worker.logs import JsonFormatter, ReadableFormatter


def entry(message: str, **extra: object) -> logging.LogRecord:
    return logging.makeLogRecord({"name": "worker", "levelname": "INFO", "msg": message, **extra})


def test_control_characters_are_escaped() -> None:
    line = ReadableFormatter().format(entry("one\nERROR forged\x1b[31m", error="a\rb"))
    assert "\n" not in line
    assert r"one\x0aERROR forged\x1b[31m error=a\x0db" in line


def test_json_lines_carry_the_extra_fields() -> None:
    fields = json.loads(JsonFormatter().format(entry("dead letter\n", offset=5)))
    assert fields["message"] == "dead letter\n"
    assert (fields["level"], fields["offset"]) == ("info", 5)
    assert fields["time"].endswith("+00:00")

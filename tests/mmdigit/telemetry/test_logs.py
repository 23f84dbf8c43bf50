"""Log lines cannot be forged or control a terminal, and JSON lines parse."""

import json
import logging
import sys

from mmdigit.telemetry.logs import JsonFormatter, ReadableFormatter

HOSTILE = "one\n12:30:05 ERROR   forged\x1b[31m\u202e\u2028\x9b"
"""A line break, a forged line, a colour, reversed direction, a line separator, and an 8-bit control sequence."""


def entry(message: str, **extra: object) -> logging.LogRecord:
    return logging.makeLogRecord({"name": "worker", "levelname": "INFO", "msg": message, **extra})


def raised(message: str) -> logging.LogRecord:
    try:
        raise ValueError(message)
    except ValueError:
        return entry("failed", exc_info=sys.exc_info())


def test_readable_formatter_escapes_control_characters() -> None:
    line = ReadableFormatter().format(entry(HOSTILE, error=HOSTILE))
    assert line.isprintable()
    assert line.count(r"one\n12:30:05 ERROR   forged\x1b[31m\u202e\u2028\x9b") == 2


def test_readable_formatter_escapes_and_indents_exceptions() -> None:
    first, *traceback = ReadableFormatter().format(raised(HOSTILE)).split("\n")
    assert first.endswith("failed")
    assert all(line.isprintable() and line.startswith("  ") for line in traceback)
    assert any("forged" in line for line in traceback)


def test_json_formatter_includes_extra_fields() -> None:
    fields = json.loads(JsonFormatter().format(entry("dead letter", offset=5, error="é")))
    assert (fields["message"], fields["level"], fields["offset"], fields["error"]) == ("dead letter", "info", 5, "é")
    assert fields["time"].endswith("+00:00")


def test_json_formatter_output_is_harmless_after_parsing() -> None:
    fields = json.loads(JsonFormatter().format(entry(HOSTILE, error=HOSTILE)))
    assert fields["message"].isprintable()
    assert fields["error"].isprintable()
    exception = json.loads(JsonFormatter().format(raised(HOSTILE)))["exception"]
    assert all(line.isprintable() for line in exception.split("\n"))

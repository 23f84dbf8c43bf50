"""Logs to standard error as readable lines or JSON lines. Always escapes control characters."""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

from schemas.printable import escaped

_RESERVED = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class ReadableFormatter(logging.Formatter):
    """12:30:05 INFO  message key=value"""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        extras = "".join(f" {name}={value}" for name, value in _extras(record).items())
        line = escaped(f"{time} {record.levelname:<7} {record.getMessage()}{extras}")
        if not record.exc_info:
            return line
        # Indented, so that no line of an exception's text looks like a log line.
        return "\n".join([line, *(f"  {inner}" for inner in _lines(self.formatException(record.exc_info)))])


class JsonFormatter(logging.Formatter):
    """One JSON object: time (ISO 8601, UTC), level, logger, message, and the record's extra fields.

    Escapes twice, so that the output of `jq -r` is safe for terminals too.
    """

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": escaped(record.getMessage()),
            **_printable_extras(_extras(record)),
        }
        if record.exc_info:
            fields["exception"] = "\n".join(_lines(self.formatException(record.exc_info)))
        return json.dumps(fields, default=str)


def configure(level: str, *, as_json: bool) -> None:
    """Log to standard error: our packages at `level`, libraries at warning, Kafka's client at error.

    Kafka's client warns of each retry.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if as_json else ReadableFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("kafka").setLevel(logging.ERROR)
    for package in ("worker", "mmdigit"):
        logging.getLogger(package).setLevel(level.upper())


def _lines(text: str) -> list[str]:
    return [escaped(line) for line in text.split("\n")]


def _printable_extras(extras: Mapping[str, object]) -> dict[str, object]:
    return {name: escaped(value) if isinstance(value, str) else value for name, value in extras.items()}


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _RESERVED}

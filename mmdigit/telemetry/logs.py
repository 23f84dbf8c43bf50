"""Logs on standard error: readable lines, or one JSON object a line; control characters are always escaped."""

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
        moment = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        extras = "".join(f" {name}={value}" for name, value in _extras(record).items())
        line = escaped(f"{moment} {record.levelname:<7} {record.getMessage()}{extras}")
        if not record.exc_info:
            return line
        # Indented, so that no line of an exception's own text passes for a line of the log.
        return "\n".join([line, *(f"  {inner}" for inner in _lines(self.formatException(record.exc_info)))])


class JsonFormatter(logging.Formatter):
    """One JSON object: time (ISO 8601, UTC), level, logger, message, and the record's extra fields.

    Escaped twice, so that what `jq -r` unpacks moves no terminal either.
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
    """Log to standard error from `level` on; libraries from warning on, Kafka's client (which tries again, and warns
    of each try) from error on."""
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

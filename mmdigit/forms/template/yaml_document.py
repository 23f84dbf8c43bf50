"""YAML text from outside to plain values, within bounds, with the line on which each value stands.

Only the scanner and parser of PyYAML run; no constructor does. Words mean what YAML 1.2's core schema says: no dates,
no sexagesimal numbers, and `no` is a word. Source: YAML 1.2.2, section 10.3.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

import yaml

from schemas.errors import DataError
from schemas.printable import printable

MAX_BYTES = 256 * 1024
MAX_DEPTH = 16
MAX_NODES = 20_000

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]
Path = tuple[int | str, ...]
"""Keys and indices from the top to a value."""

_WORDS: dict[str, Value] = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(?:[0-9]{1,18}\.?[0-9]{0,18}|\.[0-9]{1,18})(?:[eE][-+]?[0-9]{1,3})?")
_SINGLE_DOCUMENT = "expected one YAML document, got more; keep one form in a file"


@dataclass(frozen=True)
class Document:
    """The values of a file. lines: the line of each, counted from 1, by its path."""

    value: Value
    lines: dict[Path, int]

    def line_of(self, path: Path) -> int:
        """The line of that value, or of the nearest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_document(content: bytes, name: str) -> Document:
    """The values in a YAML file.

    content: UTF-8, at most MAX_BYTES. name: of the file, for messages.
    Raises DataError, and nothing else, naming the line: it is no YAML, or holds aliases, anchors, tags, a key twice,
    more than one document, or more than MAX_DEPTH levels or MAX_NODES values.
    """
    if len(content) > MAX_BYTES:
        raise DataError(f"{name}: expected at most {MAX_BYTES} bytes, got {len(content)}; split the form")
    try:
        return _Builder(name).build(content.decode("utf-8-sig"))
    except UnicodeDecodeError as exc:
        line = content[: exc.start].count(b"\n") + 1
        raise DataError(f"{name}, line {line}: expected UTF-8, got another encoding; save the file as UTF-8") from exc
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        problem = printable(exc.problem or "damaged", 120)
        line = mark.line + 1 if mark else 1
        raise DataError(f"{name}, line {line}: expected YAML, got a mistake ({problem}); mend that line") from exc
    except (yaml.YAMLError, RecursionError) as exc:
        raise DataError(f"{name}: expected YAML text, got control characters or too deep nesting") from exc
    except (ValueError, OverflowError, IndexError) as exc:  # of the scanner, for escapes that are no characters
        raise DataError(f"{name}: expected YAML, got a mistake ({printable(str(exc))}); check quoted texts") from exc


@dataclass
class _Builder:
    name: str
    lines: dict[Path, int] = field(default_factory=dict)
    nodes: int = 0

    def build(self, text: str) -> Document:
        events = (event for event in yaml.parse(text, Loader=yaml.SafeLoader))
        value: Value = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._refuse(event, _SINGLE_DOCUMENT)
                value = self._value(next(events), events, ())
        return Document(value, self.lines)

    def _value(self, event: yaml.Event, events: Iterator[yaml.Event], path: Path) -> Value:
        self._check(event, path)
        self.lines.setdefault(path, _line(event))
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Value] = []
            while not isinstance(event := next(events), yaml.SequenceEndEvent):
                items.append(self._value(event, events, (*path, len(items))))
            return items
        mapping: dict[str, Value] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self._refuse(event, "expected a word as key, got a list or mapping; write `key: value`")
            self._check(event, path)
            key = str(event.value)
            if key in mapping:
                self._refuse(event, f"expected each key once, got {printable(key, 40)} again; remove one")
            self.lines[(*path, key)] = _line(event)
            mapping[key] = self._value(next(events), events, (*path, key))
        return mapping

    def _check(self, event: yaml.Event, path: Path) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self._refuse(event, f"expected at most {MAX_NODES} values, got more; split the form")
        if len(path) > MAX_DEPTH:
            self._refuse(event, f"expected at most {MAX_DEPTH} levels, got more; see `mmdigit form new`")
        if any("\ud800" <= character <= "\udfff" for character in getattr(event, "value", "")):
            self._refuse(event, "expected whole characters, got half of a pair (\\ud800 to \\udfff); remove it")
        if getattr(event, "anchor", None) is not None:
            self._refuse(event, "expected no alias or anchor (* or &), got one; write the value out, or quote the text")
        if getattr(event, "tag", None) is not None:
            self._refuse(event, "expected no tag (!), got one; remove it, or quote the text")

    def _scalar(self, event: yaml.ScalarEvent) -> Value:
        text = str(event.value)
        if not event.implicit[0]:  # quoted
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        return float(text) if _FLOAT.fullmatch(text) else text

    def _refuse(self, event: yaml.Event, message: str) -> NoReturn:
        raise DataError(f"{self.name}, line {_line(event)}: {message}")


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 1

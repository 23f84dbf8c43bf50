"""Makes text from outside safe to print: bounded, on one line, without control characters."""

import hashlib
import re

_INVISIBLE = frozenset(
    character
    for first, last in (
        *((0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2800, 0x2800), (0x3164, 0x3164)),
        *((0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0x1D173, 0x1D17A), (0xE0100, 0xE01EF)),
    )
    for character in map(chr, range(first, last + 1))
)
"""Printable for Python, but nothing is seen of them. Source: Default_Ignorable_Code_Point of Unicode 16, and the empty
braille pattern."""

_CUT_ESCAPE = re.compile(r"\\(x.?|u.{0,3}|U.{0,7})?$")


def printable(text: str, max_characters: int = 80) -> str:
    """text for a message or a log line: control characters escaped, and cut to a length.

    Returns at most max_characters + 3 characters.
    """
    safe = escaped(text[:max_characters])
    return safe if len(text) <= max_characters and len(safe) <= max_characters else f"{safe[:max_characters]}..."


def visible(name: str, max_characters: int) -> str:
    """name with all that nobody would see of it escaped; a long one is cut, and ends in a digest that tells it from
    others that begin so.

    Returns at most max_characters, which are 10 or more.
    """
    pieces = [_escape(character) if character in _INVISIBLE else escaped(character) for character in name.strip()]
    if sum(map(len, pieces)) <= max_characters:
        return "".join(pieces)
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:8]
    cut = _CUT_ESCAPE.sub("", "".join(pieces)[: max_characters - 9])
    return f"{cut}~{digest}"


def escaped(text: str) -> str:
    """text of any length on one line, with control characters escaped."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")

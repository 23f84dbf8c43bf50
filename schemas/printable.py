"""Makes text from outside safe to print: bounded, on one line, without control characters."""


def printable(text: str, max_characters: int = 80) -> str:
    """text for a message or a log line: control characters escaped, and cut to a length.

    Returns at most max_characters + 3 characters.
    """
    safe = escaped(text[:max_characters])
    return safe if len(text) <= max_characters and len(safe) <= max_characters else f"{safe[:max_characters]}..."


def escaped(text: str) -> str:
    """text of any length on one line, with control characters escaped."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )

"""Text from outside, made safe to print: bounded, one line, without control characters."""


def printable(text: str, max_characters: int = 80) -> str:
    """text for a message or a log line: what a terminal would act on is escaped, and what is too long is cut.

    Returns at most max_characters + 3 characters.
    """
    safe = escaped(text[:max_characters])
    return safe if len(text) <= max_characters and len(safe) <= max_characters else f"{safe[:max_characters]}..."


def escaped(text: str) -> str:
    """text of any length as one line, with what a terminal would act on escaped."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )

"""Text from outside, made safe to print: bounded, one line, without control characters."""


def printable(text: str, max_characters: int = 80) -> str:
    """text for a message or a log line: what a terminal would act on is escaped, and what is too long is cut.

    Returns at most max_characters + 3 characters.
    """
    safe = "".join(_escaped(character) for character in text[:max_characters])
    return safe if len(text) <= max_characters and len(safe) <= max_characters else f"{safe[:max_characters]}..."


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")

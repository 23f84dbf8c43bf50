"""Settings that are lists: text whose parts are separated by commas."""


def split(value: object) -> object:
    """The parts of text, without spaces around them; anything else as it is."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

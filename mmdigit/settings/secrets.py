"""Reads a secret from the file named by a setting."""

from pathlib import Path

from pydantic import SecretStr

from mmdigit.files.regular import read_regular
from schemas.errors import SettingsError

MAX_SECRET_BYTES = 64 * 1024


def read_secret(value: SecretStr | None, file: Path | None, setting: str) -> SecretStr | None:
    """value, or the line in file if given. Raises SettingsError if the file does not contain exactly one line."""
    if file is None:
        return value
    try:
        text = read_regular(file, MAX_SECRET_BYTES).decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"expected a readable file as {setting}, got {str(file)!r}: {reason}") from error
    if not text or "\n" in text:
        raise SettingsError(f"expected one line in {str(file)!r} ({setting}), got {'more' if text else 'none'}")
    return SecretStr(text)

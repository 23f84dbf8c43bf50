"""Plays a WAV file with a program that the machine has: aplay, paplay, afplay or ffplay."""

import shutil
import subprocess
import tempfile

from schemas.errors import SettingsError
from schemas.printable import printable

PLAYERS = (
    ("aplay", "-q"),
    ("paplay",),
    ("afplay",),
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
)
"""In this order: those of Linux, of macOS, and one that runs everywhere."""
TIMEOUT_S = 180.0  # the longest number takes two minutes


def find_player() -> tuple[str, ...]:
    """The command that plays the file whose name follows it. Raises SettingsError if there is none on PATH."""
    for name, *options in PLAYERS:
        if program := shutil.which(name):
            return program, *options
    names = ", ".join(name for name, *_ in PLAYERS)
    raise SettingsError(f"expected a program that plays sound ({names}), got none on PATH; install one")


def play(player: tuple[str, ...], wav: bytes) -> None:
    """Returns when it has been played. Raises SettingsError if the player fails."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        file.write(wav)
        file.flush()
        try:
            subprocess.run(  # noqa: S603  a program that find_player found, and a file of our own
                [*player, file.name], check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=TIMEOUT_S
            )
        except (OSError, subprocess.SubprocessError) as exc:
            said = getattr(exc, "stderr", None) or str(exc).encode()
            last = said.decode(errors="replace").strip().rpartition("\n")[2]
            raise SettingsError(
                f"expected {printable(player[0])} to play sound, got an error "
                f"({printable(last, 100)}); check the sound device"
            ) from exc

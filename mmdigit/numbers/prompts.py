"""A number spoken digit by digit: short recordings that the project ships, joined to a WAV file."""

import wave
from functools import cache
from pathlib import Path

from mmdigit.reading.audio.wav_writing import pcm_wav

FOLDER = Path(__file__).parent / "prompt_clips"
NOTHING_HEARD = "nothing_heard"
RATE_HZ = 16_000
PAUSE_S = 0.12  # between two digits
GROUP_PAUSE_S = 0.35  # where the text has a space or a hyphen
ENDS_S = 0.15  # of silence before and after: loudspeakers that wake up swallow the first moment
MAX_CHARACTERS = 200
SEPARATORS = " -"


def spoken_wav(text: str) -> bytes:
    """The digits of the text as a WAV file, 16 kHz, mono, 16 bits; a longer pause at each space and hyphen.

    Raises ValueError as require_speakable.
    """
    require_speakable(text)
    parts: list[bytes] = []
    pause_s = 0.0
    for character in text:
        if character in SEPARATORS:
            pause_s = GROUP_PAUSE_S if parts else 0.0
        else:
            parts += [_silence(pause_s), _prompt(character)]
            pause_s = PAUSE_S
    return _wav(b"".join(parts))


def require_speakable(text: str) -> str:
    """The text. Raises ValueError unless it is 1 to MAX_CHARACTERS digits, spaces and hyphens, one of them a digit."""
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"expected at most {MAX_CHARACTERS} characters, got {len(text)}; say it in parts")
    if not any(character in "0123456789" for character in text) or any(
        character not in f"0123456789{SEPARATORS}" for character in text
    ):
        raise ValueError("expected digits, with spaces or hyphens between them, got another text")
    return text


def nothing_heard_wav() -> bytes:
    """The words "no digit heard", as a WAV file."""
    return _wav(_prompt(NOTHING_HEARD))


@cache
def _prompt(name: str) -> bytes:
    """The samples of a prompt, 16 bits each."""
    with wave.open(str(FOLDER / f"{name}.wav"), "rb") as file:
        return file.readframes(file.getnframes())


def _silence(duration_s: float) -> bytes:
    return bytes(2 * round(duration_s * RATE_HZ))


def _wav(samples: bytes) -> bytes:
    return pcm_wav(_silence(ENDS_S) + samples + _silence(ENDS_S), RATE_HZ)

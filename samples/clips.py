"""Speaks the clips of the web app, digits and short phrases in each language, with espeak-ng: Ogg Opus, mono."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]

from mmdigit.settings.program import run_program
from samples.speech import Samples, find_espeak, run_espeak, trimmed

FOLDER = Path("mmdigit/webapp/clips")
VOICES = {"en": "en-gb", "de": "de"}
SPEED = 140  # words a minute: slower than people talk, and still whole words
RATE_HZ = 24_000  # one of Opus's own
COMPRESSION = 0.92  # of 0 to 1, which libsndfile makes about 26 kbit/s; from 1.0 on the model doubts the five
PEAK = 0.7  # of full scale
SILENCE_S = 0.08  # at either end: loudspeakers that wake up swallow the first moment

PHRASES = {
    "conflict": (
        "The writing and the voice say different digits.",
        "Geschrieben und gesprochen sind verschiedene Ziffern.",
    ),
    "not_a_digit": ("That does not look like a digit.", "Das sieht nicht wie eine Ziffer aus."),
    "not_heard": ("I did not hear a digit.", "Ich habe keine Ziffer gehört."),
    "several_digits": ("That is more than one digit.", "Das ist mehr als eine Ziffer."),
    "struck_out": ("A line goes across it.", "Ein Strich geht quer darüber."),
    "not_sure": ("I am not sure.", "Ich bin nicht sicher."),
    "perhaps": ("Perhaps", "Vielleicht"),
    "i_read": ("I read", "Ich lese"),
    "i_heard": ("I heard", "Ich habe gehört"),
    "is_that_right": ("Is that right?", "Stimmt das?"),
    "confirmed": ("Confirmed", "Bestätigt"),
    "no_number": ("I see no number.", "Ich sehe keine Zahl."),
    "write": ("Write the digit", "Schreibe die Ziffer"),
    "well_done": ("Well done.", "Gut gemacht."),
    "try_again": ("Try once more.", "Versuch es noch einmal."),
    "mirrored": ("It is the wrong way round.", "Sie ist spiegelverkehrt."),
    "upside_down": ("It stands on its head.", "Sie steht auf dem Kopf."),
    "looks_like": ("It looks like", "Das sieht aus wie"),
    "could_be": ("This could be", "Das könnte sein:"),
    "or": ("or", "oder"),
    "empty": ("Write your digit first.", "Schreibe zuerst deine Ziffer."),
    "missing": ("One line is still missing.", "Ein Strich fehlt noch."),
    "gap": ("There is a gap. Let the lines meet.", "Da ist eine Lücke. Die Linien sollen sich treffen."),
    "touching": ("The lines touch. Leave it open there.", "Die Linien berühren sich. Lass es dort offen."),
    "begin_there": ("Next time, begin at the number.", "Fang nächstes Mal bei der Zahl an."),
    "other_way": ("Next time, go round the other way.", "Nächstes Mal anders herum."),
    "long_line_down": ("Next time, draw the long line down.", "Zieh den langen Strich nächstes Mal nach unten."),
    "long_line_last": ("Next time, draw the long line last.", "Zieh den langen Strich nächstes Mal zuletzt."),
    "ring_last": ("Next time, draw the lower ring last.", "Schreibe den unteren Kreis nächstes Mal zuletzt."),
    "one_line": ("Next time, try it in one line.", "Versuche es nächstes Mal in einem Zug."),
    "larger": ("Write it larger.", "Schreibe sie größer."),
    "middle": ("Write it in the middle.", "Schreibe sie in die Mitte."),
}
"""Each by its name, in English and in German. A digit follows "perhaps", "i_read", "i_heard", "confirmed",
"write", "looks_like", "could_be" and "or"."""
DIGITS = {
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "de": ("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"),
}


def texts(language: str) -> dict[str, str]:
    """What is said in a language, by the clip's name."""
    place = list(VOICES).index(language)
    digits = {str(digit): word for digit, word in enumerate(DIGITS[language])}
    return digits | {name: phrases[place] for name, phrases in PHRASES.items()}


def speak_clip(text: str, language: str) -> Samples:
    """The text in a language's voice, (n_samples,) at RATE_HZ. Raises DataError if espeak-ng is missing or fails."""
    spoken, rate_hz = run_espeak("-v", VOICES[language], "-s", str(SPEED), "--stdout", text)
    samples = np.pad(trimmed(soxr.resample(spoken, rate_hz, RATE_HZ)), round(SILENCE_S * RATE_HZ))
    return np.asarray(samples * (PEAK / np.abs(samples).max()), np.float64)


def make(output: Path) -> list[Path]:
    """Write LANGUAGE/NAME.ogg for each clip to the output folder; overwrites files of the same names. Returns them.

    Raises DataError, before it writes anything, if espeak-ng is missing.
    """
    find_espeak()
    written = []
    for language in VOICES:
        (output / language).mkdir(parents=True, exist_ok=True)
        for name, text in texts(language).items():
            path = output / language / f"{name}.ogg"
            samples = speak_clip(text, language)
            soundfile.write(path, samples, RATE_HZ, format="OGG", subtype="OPUS", compression_level=COMPRESSION)
            written.append(path)
    return written


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m samples.clips", description="Speak the clips of the web app.")
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder to write to (default: %(default)s)")
    written = make(parser.parse_args(argv).output)
    n_bytes = sum(path.stat().st_size for path in written)
    sys.stdout.write(f"{len(written)} clips, {n_bytes / 1e3:.0f} kB\n")
    return 0


if __name__ == "__main__":
    sys.exit(run_program("samples.clips", main))

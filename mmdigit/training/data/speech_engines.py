"""The speech synthesizers: the voices of each, and how to run its program.

Some voices and variants of espeak-ng are never used here: they speak the project's sample pack.
"""

import struct
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmdigit.training.data import pronunciations
from mmdigit.training.data.pronunciations import Lexicon

TIMEOUT_S = 120


@dataclass(frozen=True)
class Utterance:
    """What to say and how. label: -1 = not a digit; pitch: 0-1 of the voice's range; pace, size: 1 = its own."""

    engine: str
    voice: str
    text: str
    label: int
    pitch: float
    pace: float
    size: float


Speak = Callable[[str, Sequence[Utterance]], list[bytes]]
"""(program, utterances of one voice) -> a WAV file for each; empty bytes where the voice cannot say it."""


@dataclass(frozen=True)
class Engine:
    """A synthesizer with a set of its voices.

    program: its name, or the path of the file that takes its place; share: of the clips, relative to the other engines;
    listing: arguments that list the installed voices, () = there is no such list, and all voices are installed;
    variants: endings for the name of a voice, one of which is drawn for each utterance.
    """

    name: str
    program: str
    share: float
    lexicons: tuple[Lexicon, ...]
    listing: tuple[str, ...]
    speak: Speak
    variants: tuple[str, ...] = ("",)


def run(command: list[str]) -> bytes:
    """The program's output. Raises OSError or subprocess.SubprocessError if it cannot run, fails or hangs."""
    return subprocess.run(  # noqa: S603 - fixed programs, and words from our own tables
        command, capture_output=True, check=True, stdin=subprocess.DEVNULL, timeout=TIMEOUT_S
    ).stdout


def espeak(program: str, utterances: Sequence[Utterance]) -> list[bytes]:
    """Runs the program for each utterance; the texts of espeak-accent are phonemes."""
    files = []
    for utterance in utterances:
        text = f"[[{utterance.text}]]" if utterance.engine == "espeak-accent" else utterance.text
        pitch, speed = round(15 + 75 * utterance.pitch), round(155 * utterance.pace / utterance.size)
        wav = run([program, "-v", utterance.voice, "-p", str(pitch), "-s", str(speed), "--stdout", text])
        # espeak-ng writes to a pipe before it knows the length, and states the largest: write the true lengths.
        lengths = struct.pack("<I", max(len(wav) - 8, 0)), struct.pack("<I", max(len(wav) - 44, 0))
        files.append(wav[:4] + lengths[0] + wav[8:40] + lengths[1] + wav[44:])
    return files


def _one_by_one(utterances: Sequence[Utterance], command: Callable[[Utterance, Path], list[str]]) -> list[bytes]:
    """Runs a command for each utterance, which writes it to the path."""
    files = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spoken.wav"
        for utterance in utterances:
            path.unlink(missing_ok=True)
            run(command(utterance, path))
            files.append(path.read_bytes() if path.exists() else b"")
    return files


def _flite(program: str, utterances: Sequence[Utterance]) -> list[bytes]:
    def command(utterance: Utterance, path: Path) -> list[str]:
        stretch, shift = utterance.size / utterance.pace, 0.85 + 0.4 * utterance.pitch
        options = [f"duration_stretch={stretch:.3f}", f"f0_shift={shift:.3f}"]
        options.append(f"int_f0_target_mean={80 + 80 * utterance.pitch:.0f}")
        settings = [part for option in options for part in ("--setf", option)]
        return [program, "-voice", utterance.voice, *settings, "-t", utterance.text, "-o", str(path)]

    return _one_by_one(utterances, command)


def _festival(program: str, utterances: Sequence[Utterance]) -> list[bytes]:
    """Runs festival once for all utterances, because it starts slowly."""
    voice = utterances[0].voice
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.wav" for number in range(len(utterances))]
        lines = [f"(voice_{voice})"]
        for utterance, path in zip(utterances, paths, strict=True):
            mean_hz = 85 + 70 * utterance.pitch
            lines += [
                f"(Parameter.set 'Duration_Stretch {utterance.size / utterance.pace:.3f})",
                f"(set! int_lr_params '((target_f0_mean {mean_hz:.0f}) (target_f0_std 14)"
                " (model_f0_mean 170) (model_f0_std 34)))",
                f'(utt.save.wave (utt.synth (Utterance Text "{utterance.text}")) "{path}" \'riff)',
            ]
        script = Path(folder) / "say.scm"
        script.write_bytes("\n".join(lines).encode(pronunciations.FESTIVAL_ENCODINGS.get(voice, "utf-8")))
        run([program, "--batch", str(script)])
        return [path.read_bytes() if path.exists() else b"" for path in paths]


def _pico(program: str, utterances: Sequence[Utterance]) -> list[bytes]:
    def command(utterance: Utterance, path: Path) -> list[str]:
        pitch, speed = round(75 + 60 * utterance.pitch), round(100 * utterance.pace / utterance.size)
        text = f'<pitch level="{pitch}"><speed level="{speed}">{utterance.text}</speed></pitch>'
        return [program, f"--lang={utterance.voice}", f"--wave={path}", text]

    return _one_by_one(utterances, command)


ESPEAK_VARIANTS = tuple(f"+{variant}" for variant in pronunciations.ESPEAK_VARIANTS)
FESTIVAL_LISTING = ("--batch", "(print (voice.list))")
ENGINES = (
    Engine("espeak", "espeak-ng", 0.25, pronunciations.ESPEAK_ENGLISH, ("--voices",), espeak, ESPEAK_VARIANTS),
    Engine("espeak-accent", "espeak-ng", 0.33, pronunciations.ESPEAK_ACCENTS, ("--voices",), espeak, ESPEAK_VARIANTS),
    Engine("flite", "flite", 0.13, pronunciations.FLITE, ("-lv",), _flite),
    Engine("festival", "festival", 0.08, pronunciations.FESTIVAL_ENGLISH, FESTIVAL_LISTING, _festival),
    Engine("festival-accent", "festival", 0.12, pronunciations.FESTIVAL_ACCENTS, FESTIVAL_LISTING, _festival),
    Engine("pico", "pico2wave", 0.04, pronunciations.PICO_ENGLISH, (), _pico),
    Engine("pico-accent", "pico2wave", 0.05, pronunciations.PICO_ACCENTS, (), _pico),
)

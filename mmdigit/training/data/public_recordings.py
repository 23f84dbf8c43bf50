"""The public data sets of speech: addresses, checksums, and how each gets into the folder of data sets.

The SHA-256 of Speech Commands is that of TensorFlow Datasets and torchaudio. GitHub makes the archives of FSDD and
AudioMNIST on demand and their bytes may change: of FSDD the recordings are checked instead. Of AudioMNIST no checksum
was found: a commit pins it, and its recordings are counted.
"""

import io
import re
import shutil
import wave
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.progress import Progress

from mmdigit.datasets import fsdd
from mmdigit.reading.audio.normalize import read_waveform
from mmdigit.training.data.fetching import PublicSet, Source
from mmdigit.training.data.unpacking import members
from schemas.errors import DataError, InvalidAudio

FSDD_ARCHIVE, SPEECH_COMMANDS_ARCHIVE = "fsdd.tar.gz", "speech_commands_v0.02.tar.gz"
AUDIOMNIST_ARCHIVE = "audiomnist.tar.gz"
FSDD_MAX_BYTES = 200 * 1024 * 1024
MAX_BYTES = 8 * 1024**3  # of the others, unpacked
SPEECH_COMMANDS_FOLDER, AUDIOMNIST_FOLDER = "speech-commands", "audiomnist"
"""Within the folder of data sets."""

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
WORDS_SHARE = 16  # one word in 16 that is no digit: three times as many as the shipped weights heard
SPOKEN = re.compile(r"(?:\./)?(?P<word>[a-z]+)/(?P<speaker>[0-9a-f]{8})_nohash_(?P<index>[0-9]{1,3})\.wav")
NOISE = re.compile(r"(?:\./)?_background_noise_/(?P<name>[a-z_]{1,40})\.wav")
AUDIOMNIST_NAME = re.compile(
    r"[^/]+/data/(?P<speaker>[0-9]{2})/(?P<digit>[0-9])_(?P=speaker)_(?P<index>[0-9]{1,2})\.wav"
)
AUDIOMNIST_COUNT = 60 * 10 * 50  # speakers, digits, recordings of each


def _missing_fsdd(folder: Path) -> list[str]:
    return [] if fsdd.is_fsdd(folder / fsdd.FOLDER) else [FSDD_ARCHIVE]


def _install_fsdd(folder: Path, work: Path, progress: Progress) -> None:
    """Raises DataError if the recordings are not FSDD's, or if their folder holds others too."""
    folder = folder / fsdd.FOLDER
    recordings = {
        Path(name).name: content
        for name, content in members(
            work / FSDD_ARCHIVE,
            FSDD_MAX_BYTES,
            lambda name: Path(name).suffix == ".wav" and Path(name).parent.name == "recordings",
        )
    }
    if (found := fsdd.digest(recordings)) != fsdd.SHA256:
        raise DataError(
            f"expected recordings with SHA-256 {fsdd.SHA256} in FSDD's archive, got {len(recordings)} with {found}; "
            "run the download again"
        )
    folder.mkdir(parents=True, exist_ok=True)
    whole = work / "whole.wav"
    for name, content in recordings.items():
        whole.write_bytes(content)
        whole.replace(folder / name)
    if not fsdd.is_fsdd(folder):
        raise DataError(f"expected FSDD's recordings alone in {folder}, got other .wav files too; move those elsewhere")


def _missing_speech_commands(folder: Path) -> list[str]:
    return [] if (folder / SPEECH_COMMANDS_FOLDER).exists() else [SPEECH_COMMANDS_ARCHIVE]


def _install_speech_commands(folder: Path, work: Path, progress: Progress) -> None:
    """Its digits, a part of its other words, and its noises, cut into seconds."""
    unpacked = work / SPEECH_COMMANDS_FOLDER
    _convert(work / SPEECH_COMMANDS_ARCHIVE, unpacked, _speech_commands_name, progress)
    fsdd.list_recordings(unpacked / "digits")
    fsdd.list_recordings(unpacked / "words", digits=())
    unpacked.rename(folder / SPEECH_COMMANDS_FOLDER)


def _speech_commands_name(name: str) -> str | None:
    if noise := NOISE.fullmatch(name):
        return f"words/noise_{noise['name'].replace('_', '-')}"
    if spoken := SPOKEN.fullmatch(name):
        word, rest = spoken["word"], f"{spoken['speaker']}_{int(spoken['index'])}.wav"
        if word in DIGITS:
            return f"digits/{DIGITS.index(word)}_{rest}"
        if zlib.crc32(f"{word}_{rest}".encode()) % WORDS_SHARE == 0:
            return f"words/{word}_{rest}"
    return None


def _missing_audiomnist(folder: Path) -> list[str]:
    return [] if (folder / AUDIOMNIST_FOLDER).exists() else [AUDIOMNIST_ARCHIVE]


def _install_audiomnist(folder: Path, work: Path, progress: Progress) -> None:
    unpacked = work / AUDIOMNIST_FOLDER
    refused = _convert(work / AUDIOMNIST_ARCHIVE, unpacked, _audiomnist_name, progress)
    if (found := len(fsdd.list_recordings(unpacked)) + refused) != AUDIOMNIST_COUNT:
        raise DataError(
            f"expected {AUDIOMNIST_COUNT} recordings in AudioMNIST's archive, got {found}; run the download again"
        )
    unpacked.rename(folder / AUDIOMNIST_FOLDER)


def _audiomnist_name(name: str) -> str | None:
    match = AUDIOMNIST_NAME.fullmatch(name)
    return f"{match['digit']}_am{match['speaker']}_{int(match['index'])}.wav" if match else None


def _convert(archive: Path, into: Path, new_name: Callable[[str], str | None], progress: Progress) -> int:
    """Write the recordings of an archive into an empty folder, and return how many were left out.

    new_name: of the file with that name in the archive, within the folder; None = not wanted; without .wav = to be cut
    into seconds. Left out is what the reader of clips refuses, for instance silence. Raises DataError.
    """
    shutil.rmtree(into, ignore_errors=True)  # what an interrupted run left
    task = progress.add_task(f"unpack {archive.name}", total=archive.stat().st_size)
    unpacked = members(
        archive,
        MAX_BYTES,
        lambda name: new_name(name) is not None,
        lambda n_bytes: progress.update(task, completed=n_bytes),
    )
    refused = 0
    for name, content in unpacked:
        for path, clip in _clips(into / str(new_name(name)), content):
            try:
                read_waveform(clip)
            except InvalidAudio:
                refused += 1
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(clip)
    if refused:
        note = f"{archive.name}: left out {refused} recordings that are silent or cannot be read"
        progress.console.print(note, soft_wrap=True, highlight=False)
    return refused


def _clips(path: Path, content: bytes) -> Iterator[tuple[Path, bytes]]:
    if path.suffix:
        yield path, content
        return
    try:
        with wave.open(io.BytesIO(content)) as recording:
            rate_hz, parameters = recording.getframerate(), recording.getparams()
            frames = recording.readframes(recording.getnframes())
    except (wave.Error, EOFError) as exc:
        raise DataError(f"expected {path.name} to be a WAV file, got another ({exc}); run the download again") from exc
    n_bytes = rate_hz * parameters.sampwidth * parameters.nchannels  # of a second
    for index in range(len(frames) // n_bytes):
        second = io.BytesIO()
        with wave.open(second, "wb") as cut:
            cut.setparams(parameters)
            cut.writeframes(frames[index * n_bytes : (index + 1) * n_bytes])
        yield path.with_name(f"{path.name}_{index}.wav"), second.getvalue()


FSDD = PublicSet(
    {
        FSDD_ARCHIVE: Source(
            ("https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.tar.gz",),
            None,
            16_000_000,
        )
    },
    25_000_000,
    _missing_fsdd,
    _install_fsdd,
)
SPEECH_COMMANDS = PublicSet(
    {
        SPEECH_COMMANDS_ARCHIVE: Source(
            (
                f"https://storage.googleapis.com/download.tensorflow.org/data/{SPEECH_COMMANDS_ARCHIVE}",
                f"http://download.tensorflow.org/data/{SPEECH_COMMANDS_ARCHIVE}",
            ),
            "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
            2_428_923_189,
        )
    },
    1_500_000_000,
    _missing_speech_commands,
    _install_speech_commands,
)
AUDIOMNIST = PublicSet(
    {
        AUDIOMNIST_ARCHIVE: Source(
            ("https://github.com/soerenab/AudioMNIST/archive/544b0f4bc65227e54332e665d5e02c24be6732c2.tar.gz",),
            None,
            1_200_000_000,
        )
    },
    2_000_000_000,
    _missing_audiomnist,
    _install_audiomnist,
)

"""Sets of speech: laid out for load_clips, without what it refuses, refused when damaged."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from rich.progress import Progress

pytest.importorskip("pooch")

from mmdigit.datasets import fsdd
from mmdigit.training.data import public_recordings as module
from mmdigit.training.data.public_recordings import (
    AUDIOMNIST,
    AUDIOMNIST_ARCHIVE,
    DIGITS,
    FSDD,
    FSDD_ARCHIVE,
    SPEECH_COMMANDS,
    SPEECH_COMMANDS_ARCHIVE,
)
from mmdigit.training.data.splits import load_clips
from schemas.errors import DataError
from tests.mmdigit.clips import tone, wav
from tests.mmdigit.training.data.archives import names, tar_gz

NOTHING = Progress(disable=True)
SPOKEN, LONG_NOISE = wav(tone(0.3, 16_000), 16_000), wav(tone(2.5, 16_000), 16_000)
SILENT = wav(0 * tone(0.3, 16_000), 16_000)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With an FSDD of ten recordings for each split."""
    recordings = tmp_path / "data" / fsdd.FOLDER
    recordings.mkdir(parents=True)
    for digit in range(10):
        for index in (0, 5, 10):
            (recordings / f"{digit}_ann_{index}.wav").write_bytes(SPOKEN)
    monkeypatch.setattr(fsdd, "COUNT", 30)
    return tmp_path / "data"


def speech_commands() -> dict[str, bytes]:
    """Twenty people say a digit each and a word each; a noise; what is not to be unpacked."""
    files = {
        "./README.md": b"text",
        "./zero/../../0000000a_nohash_0.wav": SPOKEN,
        "./_background_noise_/README.md": b"",
    }
    for speaker in range(20):
        files[f"./{DIGITS[speaker % 10]}/{speaker:08x}_nohash_{speaker % 3}.wav"] = SPOKEN
        files[f"./backward/{speaker:08x}_nohash_0.wav"] = SPOKEN
    return {**files, "./zero/000000ff_nohash_0.wav": SILENT, "./_background_noise_/running_tap.wav": LONG_NOISE}


def test_speech_commands_become_clips(
    folder: Path, work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "WORDS_SHARE", 4)
    assert SPEECH_COMMANDS.missing(folder) == [SPEECH_COMMANDS_ARCHIVE]
    (work / SPEECH_COMMANDS_ARCHIVE).write_bytes(tar_gz(speech_commands()))
    (work / "speech-commands" / "digits").mkdir(parents=True)
    (work / "speech-commands" / "digits" / "interrupted").write_bytes(b"")
    SPEECH_COMMANDS.install(folder, work, NOTHING)
    assert SPEECH_COMMANDS.missing(folder) == []
    assert names(work) == [SPEECH_COMMANDS_ARCHIVE]
    digits, words = (names(folder / "speech-commands" / kind) for kind in ("digits", "words"))
    assert digits == sorted(f"{speaker % 10}_{speaker:08x}_{speaker % 3}.wav" for speaker in range(20))
    noises = [name for name in words if name.startswith("noise_")]
    assert noises == ["noise_running-tap_0.wav", "noise_running-tap_1.wav"]
    assert 2 <= len(words) - len(noises) <= 10
    assert "left out 1 recordings that are silent" in capsys.readouterr().out
    clips = [clip for split in ("train", "validation") for clip in load_clips(folder, split)]
    heard = [clip for clip in clips if clip.source == "speech-commands"]
    assert sorted(clip.label for clip in heard if clip.label is not None) == sorted([*range(10), *range(10)])
    assert {clip.waveform.size for clip in heard} == {2400, 8000}  # at 8 kHz
    speakers = [{clip.speaker for clip in load_clips(folder, split)} for split in ("train", "validation")]
    assert speakers[0] & speakers[1] == {"ann"}


def test_speech_commands_without_a_digit_are_refused(folder: Path, work: Path) -> None:
    files = {name: content for name, content in speech_commands().items() if "/nine/" not in name}
    (work / SPEECH_COMMANDS_ARCHIVE).write_bytes(tar_gz(files))
    with pytest.raises(DataError, match="got none of 9"):
        SPEECH_COMMANDS.install(folder, work, NOTHING)
    assert SPEECH_COMMANDS.missing(folder) == [SPEECH_COMMANDS_ARCHIVE]


def test_speech_commands_with_a_noise_that_is_none(folder: Path, work: Path) -> None:
    files = speech_commands() | {"./_background_noise_/running_tap.wav": b"no sound"}
    (work / SPEECH_COMMANDS_ARCHIVE).write_bytes(tar_gz(files))
    with pytest.raises(DataError, match=r"expected noise_running-tap to be a WAV file, got another .*again"):
        SPEECH_COMMANDS.install(folder, work, NOTHING)


def audiomnist() -> dict[str, bytes]:
    """Two people, two recordings of each digit; at 48 kHz."""
    spoken = wav(tone(0.3, 48_000), 48_000)
    clips = {
        f"AudioMNIST-1/data/{person}/{digit}_{person}_{index}.wav": spoken
        for person in ("01", "60")
        for digit in range(10)
        for index in range(2)
    }
    return {**clips, "AudioMNIST-1/data/01/0_60_0.wav": spoken, "AudioMNIST-1/data/audioMNIST_meta.txt": b"{}"}


def test_audiomnist_becomes_clips(folder: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AUDIOMNIST_COUNT", 40)
    assert AUDIOMNIST.missing(folder) == [AUDIOMNIST_ARCHIVE]
    files = audiomnist() | {"AudioMNIST-1/data/60/3_60_1.wav": SILENT}
    (work / AUDIOMNIST_ARCHIVE).write_bytes(tar_gz(files))
    AUDIOMNIST.install(folder, work, NOTHING)
    assert AUDIOMNIST.missing(folder) == []
    clips = [clip for split in ("train", "validation") for clip in load_clips(folder, split)]
    heard = [clip for clip in clips if clip.source == "audiomnist"]
    assert {clip.speaker for clip in heard} == {"am01", "am60"}
    assert len(heard) == 39
    assert {clip.waveform.size for clip in heard} == {2400}


def test_audiomnist_refuses_another_number_of_recordings(folder: Path, work: Path) -> None:
    (work / AUDIOMNIST_ARCHIVE).write_bytes(tar_gz(audiomnist()))
    with pytest.raises(DataError, match="expected 30000 recordings in AudioMNIST's archive, got 40; run the download"):
        AUDIOMNIST.install(folder, work, NOTHING)
    assert AUDIOMNIST.missing(folder) == [AUDIOMNIST_ARCHIVE]


RECORDINGS = {f"{digit}_a_0.wav": bytes([digit]) for digit in range(10)}
INSIDE = {f"x/recordings/{name}": content for name, content in RECORDINGS.items()}
ELSEWHERE = {"x/recordings/../../../9_a_1.wav": b"", "x/9_a_1.wav": b"", "/recordings.wav": b"", "x/README.md": b""}


@pytest.fixture
def small_fsdd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fsdd, "COUNT", len(RECORDINGS))
    monkeypatch.setattr(fsdd, "SHA256", fsdd.digest(RECORDINGS))


@pytest.mark.usefixtures("small_fsdd")
def test_fsdd_takes_its_recordings_alone(tmp_path: Path, work: Path) -> None:
    (work / FSDD_ARCHIVE).write_bytes(tar_gz(INSIDE | ELSEWHERE))
    assert FSDD.missing(tmp_path) == [FSDD_ARCHIVE]
    FSDD.install(tmp_path, work, NOTHING)
    assert names(tmp_path / fsdd.FOLDER) == sorted(RECORDINGS)
    assert FSDD.missing(tmp_path) == []
    (tmp_path / fsdd.FOLDER / "7_a_0.wav").write_bytes(b"")
    assert FSDD.missing(tmp_path) == [FSDD_ARCHIVE]


@pytest.mark.usefixtures("small_fsdd")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (tar_gz(dict(list(INSIDE.items())[1:])), "SHA-256 .*, got 9 with "),
        (tar_gz(INSIDE | {"x/recordings/7_a_0.wav": b"8"}), "SHA-256"),
        (tar_gz(INSIDE | {"x/recordings/more.wav": b""}), "SHA-256"),
        (b"no archive", "got a damaged one"),
        (tar_gz(INSIDE)[:-20], "got a damaged one"),
        (gzip.compress(b"no archive"), "got a damaged one"),
        (tar_gz(INSIDE | {"x/recordings/a\nb.wav": b""}), "SHA-256"),
        (tar_gz(INSIDE | {"x/zeros": bytes(3_000_000)}), "got a damaged one .more than 2000000 bytes unpacked"),
    ],
    ids=["one missing", "one altered", "one more", "no gzip", "cut", "no tar", "a name of two lines", "too large"],
)
def test_fsdd_refuses_another_archive(
    tmp_path: Path, work: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
) -> None:
    monkeypatch.setattr(module, "FSDD_MAX_BYTES", 2_000_000)
    (work / FSDD_ARCHIVE).write_bytes(content)
    with pytest.raises(DataError, match=f"{message}.*run the download again") as caught:
        FSDD.install(tmp_path, work, NOTHING)
    assert str(caught.value).isprintable()
    assert not (tmp_path / fsdd.FOLDER).exists()


@pytest.mark.usefixtures("small_fsdd")
def test_fsdd_refuses_a_folder_with_other_recordings(tmp_path: Path, work: Path) -> None:
    (tmp_path / fsdd.FOLDER).mkdir(parents=True)
    (tmp_path / fsdd.FOLDER / "0_me_0.wav").write_bytes(b"mine")
    (work / FSDD_ARCHIVE).write_bytes(tar_gz(INSIDE))
    with pytest.raises(DataError, match=r"got other \.wav files too; move those elsewhere"):
        FSDD.install(tmp_path, work, NOTHING)
    assert (tmp_path / fsdd.FOLDER / "0_me_0.wav").read_bytes() == b"mine"


def test_noises_are_cut_into_seconds(tmp_path: Path) -> None:
    ramp = np.linspace(-0.5, 0.5, 40_000)
    pieces = dict(module._clips(tmp_path / "noise_a", wav(ramp, 16_000)))
    assert [path.name for path in pieces] == ["noise_a_0.wav", "noise_a_1.wav"]
    frames = [content[-32_000:] for content in pieces.values()]
    assert b"".join(frames) == wav(ramp, 16_000)[-80_000:-16_000]

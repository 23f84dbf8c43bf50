"""Recordings are found by serial number, field and page; what cannot be used is named."""

import os
from pathlib import Path

import numpy as np
import pytest

from mmdigit.forms.spoken.recordings import Recordings
from mmdigit.reading.audio.normalize import read_recording
from mmdigit.reading.audio.wav import read_wav
from mmdigit.reading.audio.wav_writing import wav_of
from schemas.errors import DataError
from tests.mmdigit.clips import tone, wav


def test_recordings_are_found_by_their_names(tmp_path: Path) -> None:
    names = ("17.member.wav", "17.items.2.amount.flac", "17.wav", "17-2.WAV", "18-1.ogg", "1.wav", "notes.txt")
    lengths = {name: 400 + 100 * place for place, name in enumerate(names)}
    for name, n_samples in lengths.items():
        (tmp_path / name).write_bytes(wav_of(np.full(n_samples, 0.1, np.float32)))

    def found(serial: int, page: int, name: str) -> int:
        content = Recordings(tmp_path).of_page(serial, page).get(name)
        return 0 if content is None else read_recording(content).size

    assert found(17, 1, "member") == found(17, 2, "member") == lengths["17.member.wav"]
    assert found(17, 1, "items.2.amount") == lengths["17.items.2.amount.flac"]
    assert found(17, 1, "born") == found(7, 1, "member") == 0
    assert [found(17, page, "*") for page in (1, 2, 3)] == [lengths["17.wav"], lengths["17-2.WAV"], 0]
    assert (found(18, 1, "*"), found(1, 1, "*"), found(7, 1, "*")) == (lengths["18-1.ogg"], lengths["1.wav"], 0)


def test_recordings_are_sent_alike_whatever_their_format(tmp_path: Path) -> None:
    (tmp_path / "17.member.wav").write_bytes(wav(tone(0.5, 48_000), 48_000, subtype="PCM_24"))
    (tmp_path / "17.born.flac").write_bytes(b"fLaC no sound")
    (tmp_path / "17.wav").write_bytes(b"")
    sent = Recordings(tmp_path).of_page(17, 1).all_of(["member", "born", "amount"])
    assert {name: len(content) for name, content in sent.items()} == {"member": 44 + 2 * 4000, "born": 0, "*": 0}
    assert read_wav(sent["member"])[1] == 8000


def test_two_recordings_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("17.member.wav", "17.member.flac"):
        (tmp_path / name).touch()
    with pytest.raises(DataError, match=r"expected one recording named 17\.member, got .*; remove one"):
        Recordings(tmp_path)


def test_folder_and_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected a folder of recordings at .*; check --recordings"):
        Recordings(tmp_path / "none")
    os.mkfifo(tmp_path / "17.member.wav")
    with pytest.raises(DataError, match=r"expected a recording at .*17\.member\.wav.*; restore it"):
        Recordings(tmp_path).of_page(17, 1).get("member")

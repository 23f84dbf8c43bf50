"""Whole downloads from a local server: chosen, interrupted, continued, repeated, refused."""

import dataclasses
import fcntl
import gzip
import hashlib
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("pooch")

from mmdigit import cli
from mmdigit.commands.training import DownloadSettings
from mmdigit.datasets import fsdd, idx
from mmdigit.datasets.idx import Content
from mmdigit.training.data import download as module
from mmdigit.training.data import public_recordings
from mmdigit.training.data.download import SETS, WORK, download
from mmdigit.training.data.fetching import PublicSet, Source
from mmdigit.training.data.splits import load_clips
from schemas.errors import DataError
from tests.mmdigit.clips import tone, wav
from tests.mmdigit.datasets.small_mnist import packed
from tests.mmdigit.training.data.archives import names, tar_gz
from tests.mmdigit.training.data.conftest import Server

pytestmark = pytest.mark.usefixtures("waits")

VALUES = np.arange(1_000_000, dtype=np.uint32).astype(np.uint8)
PACKED = gzip.compress(gzip.decompress(packed(VALUES)), 0)  # 1 MB
SPOKEN = wav(tone(0.3, 16_000), 16_000)
RECORDINGS = {f"{digit}_a_{index}.wav": SPOKEN for digit in range(10) for index in (0, 5, 10)}
PEOPLE = {f"x/data/{person}/{digit}_{person}_0.wav": SPOKEN for person in ("01", "02") for digit in range(10)}


def served(server: Server, each: PublicSet, path: str, checksum: str | None) -> PublicSet:
    """The set, with its sources on the local server."""
    source = Source((server.url(path),), checksum, len(server.files[path]))
    return dataclasses.replace(each, sources=dict.fromkeys(each.sources, source), kept_bytes=1000)


@pytest.fixture
def sets(server: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, PublicSet]:
    """An MNIST of one file, an FSDD of one speaker, an AudioMNIST of two."""
    content = Content(VALUES.shape, hashlib.sha256(gzip.decompress(PACKED)).hexdigest())
    monkeypatch.setattr(idx, "FILES", {"f.gz": content})
    monkeypatch.setattr(fsdd, "COUNT", len(RECORDINGS))
    monkeypatch.setattr(fsdd, "SHA256", fsdd.digest(RECORDINGS))
    monkeypatch.setattr(public_recordings, "AUDIOMNIST_COUNT", len(PEOPLE))
    server.files["/f.gz"] = PACKED
    server.files["/fsdd"] = tar_gz({f"x/recordings/{name}": content for name, content in RECORDINGS.items()})
    server.files["/audiomnist"] = tar_gz(PEOPLE)
    mnist = dataclasses.replace(SETS["mnist"], sources={"f.gz": SETS["mnist"].sources["t10k-labels-idx1-ubyte.gz"]})
    return {
        "mnist": served(server, mnist, "/f.gz", hashlib.sha256(PACKED).hexdigest()),
        "fsdd": served(server, SETS["fsdd"], "/fsdd", None),
        "audiomnist": served(server, SETS["audiomnist"], "/audiomnist", None),
    }


Sets = dict[str, PublicSet]
MNIST_FILE = f"{idx.FOLDER}/f.gz"
ALL = sorted(
    [
        MNIST_FILE,
        *(f"{fsdd.FOLDER}/{name}" for name in RECORDINGS),
        *(f"audiomnist/{digit}_am{person}_0.wav" for person in ("01", "02") for digit in range(10)),
    ]
)


def test_download_gets_every_set_once(
    tmp_path: Path, server: Server, sets: Sets, capsys: pytest.CaptureFixture[str]
) -> None:
    download(tmp_path, sets)
    assert names(tmp_path) == ALL
    assert not list(tmp_path.glob(".*"))
    assert (tmp_path / MNIST_FILE).stat().st_mode & 0o777 == 0o666 & ~umask()
    assert "mnist: about 1.0 MB to fetch, 0.1 MB to keep\n" in capsys.readouterr().err
    assert {clip.name for clip in load_clips(tmp_path, "train")} >= {"fsdd/a"}
    server.requests.clear()
    (tmp_path / MNIST_FILE).write_bytes(gzip.compress(gzip.decompress(PACKED), 9))  # as good as the other
    download(tmp_path, sets)
    assert (server.requests, capsys.readouterr().err) == ([], "")


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_download_replaces_only_altered_files(tmp_path: Path, server: Server, sets: Sets) -> None:
    download(tmp_path, sets)
    server.requests.clear()
    (tmp_path / MNIST_FILE).write_bytes(PACKED[:-9])
    download(tmp_path, sets)
    (tmp_path / fsdd.FOLDER / "7_a_0.wav").write_bytes(b"")
    download(tmp_path, sets)
    assert server.paths() == ["/f.gz", "/fsdd"]
    assert (tmp_path / MNIST_FILE).read_bytes() == PACKED
    assert (tmp_path / fsdd.FOLDER / "7_a_0.wav").read_bytes() == SPOKEN


def test_download_ignores_archives_in_the_folder(tmp_path: Path, server: Server, sets: Sets) -> None:
    for name in ("fsdd.tar.gz", "f.gz"):
        (tmp_path / name).write_bytes(b"somebody's own")
    download(tmp_path, sets)
    assert (tmp_path / "fsdd.tar.gz").read_bytes() == b"somebody's own"


@pytest.mark.parametrize("when", ["fetching", "unpacking"])
def test_download_that_is_interrupted_goes_on(
    tmp_path: Path, server: Server, sets: Sets, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    def interrupted(*arguments: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if when == "fetching":
            server.breaks = 4  # the first one of each file, and all of MNIST's
        else:
            patch.setattr(public_recordings, "read_waveform", interrupted)
        with pytest.raises((KeyboardInterrupt, DataError)):
            download(tmp_path, sets)
    kept = [name for name in names(tmp_path) if name.startswith(WORK)]
    assert kept == ([f"{WORK}/f.gz.part"] if when == "fetching" else [f"{WORK}/audiomnist.tar.gz"])
    server.breaks = 0
    server.requests.clear()
    download(tmp_path, sets)
    assert names(tmp_path) == ALL
    if when == "fetching":
        assert [bool(part) for _, part in server.requests] == [True, False, False]
    else:
        assert server.requests == []


def test_download_fetches_a_damaged_archive_again(tmp_path: Path, server: Server, sets: Sets) -> None:
    whole = server.files["/audiomnist"]
    server.files["/audiomnist"] = whole[:-9]
    with pytest.raises(DataError, match=r"got a damaged one .*; run the download again"):
        download(tmp_path, sets)
    assert "audiomnist.tar.gz" not in " ".join(names(tmp_path / WORK))
    server.files["/audiomnist"] = whole
    download(tmp_path, sets)
    assert names(tmp_path) == ALL


def test_download_refuses_a_full_disk(
    tmp_path: Path, server: Server, sets: Sets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=900_000))
    with pytest.raises(DataError, match=r"expected 1\.0 MB free in .*, got 0\.9 MB; make room, or name fewer sets"):
        download(tmp_path, sets)
    assert (server.requests, names(tmp_path)) == ([], [])


def test_download_by_two_at_a_time_is_refused(tmp_path: Path, server: Server, sets: Sets) -> None:
    (tmp_path / WORK).mkdir()
    lock = os.open(tmp_path / WORK, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DataError, match=r"one download into .* at a time, got a second; wait for the first"):
            download(tmp_path, sets)
    finally:
        os.close(lock)
    assert server.requests == []


def test_download_into_a_file_is_one_line(tmp_path: Path, sets: Sets) -> None:
    (tmp_path / "data").write_bytes(b"")
    with pytest.raises(DataError, match=r"expected to write to .*(File exists|Not a directory).*; check --data"):
        download(tmp_path / "data", sets)


def test_command_takes_sets_by_name(
    tmp_path: Path, sets: Sets, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "SETS", sets)
    command = ["data", "download", "--data", str(tmp_path), "--sets"]
    assert cli.main([*command, "audiomnist,none"]) == 2
    assert "--sets to name some of mnist,fsdd,audiomnist, or all, got 'none'" in " ".join(
        capsys.readouterr().err.split()
    )
    assert names(tmp_path) == []
    assert cli.main([*command, "mnist"]) == 0
    assert names(tmp_path) == [MNIST_FILE]
    assert cli.main([*command, "all"]) == 0
    assert names(tmp_path) == ALL
    assert capsys.readouterr().out.endswith(f"mnist, fsdd, audiomnist: complete in {tmp_path}\n")


def test_help_and_default_name_the_sets() -> None:
    field = DownloadSettings.model_fields["sets"]
    assert ", ".join(SETS) in str(field.description)
    assert set(field.default.split(",")) < set(SETS)


@pytest.mark.parametrize("name", SETS)
def test_sources_are_pinned(name: str) -> None:
    for source in SETS[name].sources.values():
        assert all(url.startswith("https://") or source.checksum for url in source.urls)
        assert source.checksum or "/archive/" in source.urls[0]  # of one tag or commit


@pytest.mark.data
@pytest.mark.skipif("MMDIGIT_DATA" not in os.environ, reason="needs the real data sets in MMDIGIT_DATA")
def test_download_accepts_the_real_data_sets() -> None:
    chosen = str(DownloadSettings.model_fields["sets"].default).split(",")
    download(Path(os.environ["MMDIGIT_DATA"]), {name: SETS[name] for name in chosen})  # without a network

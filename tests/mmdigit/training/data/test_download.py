"""Downloads from a local server: interrupted, repeated, refused, unpacked."""

import gzip
import hashlib
import io
import os
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.progress import Progress

pytest.importorskip("pooch")

from mmdigit.datasets import fsdd, idx
from mmdigit.datasets.idx import Content
from mmdigit.training.data import download as module
from mmdigit.training.data.download import FSDD, MNIST, Source, download, fetch
from schemas.errors import DataError
from tests.mmdigit.datasets.small_mnist import packed

VALUES = np.arange(1_000_000, dtype=np.uint32).astype(np.uint8)
PACKED = gzip.compress(gzip.decompress(packed(VALUES)), 0)  # 1 MB
SHA256 = hashlib.sha256(PACKED).hexdigest()
NOTHING = Progress(disable=True)


class Server(ThreadingHTTPServer):
    """Serves `files`; interrupts the first `breaks` transfers after a third of the file."""

    daemon_threads = False  # server_close waits for them
    files: dict[str, bytes]
    breaks = 0
    requests: list[str]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.server.breaks:
            self.server.breaks -= 1
            content = content[: len(content) // 3]
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as served:
        served.files, served.requests = {"/f.gz": PACKED}, []
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        served.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that pooch would wait between its tries; no test waits."""
    waited: list[float] = []
    monkeypatch.setattr("pooch.core.time", SimpleNamespace(sleep=waited.append))
    return waited


def source(server: Server, path: str = "/f.gz", sha256: str | None = SHA256) -> Source:
    return Source((f"http://127.0.0.1:{server.server_port}{path}",), sha256)


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_fetch_checks_the_file_and_shows_its_progress(tmp_path: Path, server: Server) -> None:
    progress = Progress(disable=True)
    assert fetch(source(server), tmp_path / "f.gz", progress).read_bytes() == PACKED
    (task,) = progress.tasks
    assert (task.description, task.completed, task.total) == ("f.gz", len(PACKED), len(PACKED))
    assert names(tmp_path) == ["f.gz"]


def test_fetch_starts_an_interrupted_transfer_again(tmp_path: Path, server: Server, waits: list[float]) -> None:
    server.breaks = 2
    assert fetch(source(server), tmp_path / "f.gz", NOTHING).read_bytes() == PACKED
    assert (len(server.requests), waits) == (3, [1, 2])


def test_fetch_leaves_nothing_when_every_transfer_breaks(tmp_path: Path, server: Server) -> None:
    server.breaks = 3
    with pytest.raises(DataError, match="check the connection and run it again"):
        fetch(source(server), tmp_path / "f.gz", NOTHING)
    assert names(tmp_path) == []
    assert fetch(source(server), tmp_path / "f.gz", NOTHING).read_bytes() == PACKED


def test_fetch_refuses_other_content(tmp_path: Path, server: Server) -> None:
    with pytest.raises(DataError, match=f"expected {'0' * 64} but got {SHA256}") as caught:
        fetch(source(server, sha256="0" * 64), tmp_path / "f.gz", NOTHING)
    assert str(caught.value).isprintable()
    assert names(tmp_path) == []


def test_fetch_takes_the_second_address_when_the_first_fails(tmp_path: Path, server: Server) -> None:
    both = Source((source(server, "/none").urls[0], source(server).urls[0]), SHA256)
    assert fetch(both, tmp_path / "f.gz", NOTHING).read_bytes() == PACKED


def test_fetch_without_a_network_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="check the connection") as caught:
        fetch(Source(("http://127.0.0.1:9/f.gz",), SHA256), tmp_path / "f.gz", NOTHING)
    assert str(caught.value).isprintable()


def test_fetch_refuses_more_than_the_limit(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 100_000)
    with pytest.raises(DataError, match="at most 100000 bytes, got more"):
        fetch(source(server), tmp_path / "f.gz", NOTHING)
    assert names(tmp_path) == []


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        sparse = tarfile.TarInfo("x/recordings/3_a_8.wav")
        sparse.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(2**40)}
        tar.addfile(sparse)
        link = tarfile.TarInfo("x/recordings/3_a_9.wav")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return buffer.getvalue()


RECORDINGS = {f"{digit}_a_0.wav": bytes([digit]) for digit in range(10)}
INSIDE = {f"x/recordings/{name}": content for name, content in RECORDINGS.items()}
ELSEWHERE = {"x/recordings/../../../9_a_1.wav": b"", "x/9_a_1.wav": b"", "/recordings.wav": b"", "x/README.md": b""}


@pytest.fixture
def sets(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Source], Source]:
    """What download() fetches: an MNIST of one file, and ten recordings."""
    monkeypatch.setattr(
        idx, "FILES", {"f.gz": Content(VALUES.shape, hashlib.sha256(gzip.decompress(PACKED)).hexdigest())}
    )
    monkeypatch.setattr(fsdd, "COUNT", len(RECORDINGS))
    monkeypatch.setattr(fsdd, "SHA256", fsdd.digest(RECORDINGS))
    server.files["/fsdd.tar.gz"] = archive(INSIDE | ELSEWHERE)
    return {"f.gz": source(server)}, source(server, "/fsdd.tar.gz", None)


ALL = sorted([f"{idx.FOLDER}/f.gz", *(f"{fsdd.FOLDER}/{name}" for name in RECORDINGS)])
Sets = tuple[dict[str, Source], Source]


def test_download_writes_both_sets_and_keeps_them(tmp_path: Path, server: Server, sets: Sets) -> None:
    download(tmp_path, *sets)
    assert names(tmp_path) == ALL
    assert not list(tmp_path.glob(".*"))
    assert (tmp_path / idx.FOLDER / "f.gz").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / fsdd.FOLDER / "7_a_0.wav").read_bytes() == b"\7"
    server.requests.clear()
    (tmp_path / idx.FOLDER / "f.gz").write_bytes(gzip.compress(gzip.decompress(PACKED), 9))  # as good as the other
    download(tmp_path, *sets)
    assert server.requests == []


def test_download_replaces_only_altered_files(tmp_path: Path, server: Server, sets: Sets) -> None:
    download(tmp_path, *sets)
    server.requests.clear()
    (tmp_path / idx.FOLDER / "f.gz").write_bytes(PACKED[:-9])
    download(tmp_path, *sets)
    (tmp_path / fsdd.FOLDER / "7_a_0.wav").write_bytes(b"")
    download(tmp_path, *sets)
    assert server.requests == ["/f.gz", "/fsdd.tar.gz"]
    assert (tmp_path / idx.FOLDER / "f.gz").read_bytes() == PACKED
    assert (tmp_path / fsdd.FOLDER / "7_a_0.wav").read_bytes() == b"\7"


def test_download_ignores_archives_in_the_folder(tmp_path: Path, server: Server, sets: Sets) -> None:
    for name in ("fsdd.tar.gz", "fsdd-v1.0.10.tar.gz", "f.gz"):
        (tmp_path / name).write_bytes(b"somebody's own")
    download(tmp_path, *sets)
    assert (tmp_path / "fsdd.tar.gz").read_bytes() == b"somebody's own"
    assert {"/f.gz", "/fsdd.tar.gz"} == set(server.requests)


def test_download_that_is_interrupted_keeps_complete_files(
    tmp_path: Path, server: Server, sets: Sets, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(bar: object, n_bytes: int) -> None:
        if len(server.requests) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module._Bar, "update", interrupted)
        with pytest.raises(KeyboardInterrupt):
            download(tmp_path, *sets)
    assert (names(tmp_path), list(tmp_path.glob(".*"))) == ([f"{idx.FOLDER}/f.gz"], [])
    download(tmp_path, *sets)
    assert names(tmp_path) == ALL
    assert server.requests == ["/f.gz", "/fsdd.tar.gz", "/fsdd.tar.gz"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (archive(dict(list(INSIDE.items())[1:])), "SHA-256 .*, got 9 with "),
        (archive(INSIDE | {"x/recordings/7_a_0.wav": b"8"}), "SHA-256"),
        (archive(INSIDE | {"x/recordings/more.wav": b""}), "SHA-256"),
        (b"no archive", "got a damaged one"),
        (archive(INSIDE)[:-20], "got a damaged one"),
        (gzip.compress(b"no archive"), "got a damaged one"),
        (archive(INSIDE | {"x/recordings/a\nb.wav": b""}), "SHA-256"),
        (archive(INSIDE | {"x/zeros": bytes(3_000_000)}), "got a damaged one .more than 2000000 bytes unpacked"),
    ],
    ids=["one missing", "one altered", "one more", "no gzip", "cut", "no tar", "a name of two lines", "too large"],
)
def test_download_refuses_another_archive(
    tmp_path: Path, server: Server, sets: Sets, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
) -> None:
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 2_000_000)
    server.files["/fsdd.tar.gz"] = content
    with pytest.raises(DataError, match=f"{message}.*run the download again") as caught:
        download(tmp_path, *sets)
    assert str(caught.value).isprintable()
    assert (names(tmp_path), list(tmp_path.glob(".*"))) == ([f"{idx.FOLDER}/f.gz"], [])


def test_download_refuses_a_folder_with_other_recordings(tmp_path: Path, sets: Sets) -> None:
    (tmp_path / fsdd.FOLDER).mkdir(parents=True)
    (tmp_path / fsdd.FOLDER / "0_me_0.wav").write_bytes(b"mine")
    with pytest.raises(DataError, match=r"got other \.wav files too; move those elsewhere"):
        download(tmp_path, *sets)
    assert (tmp_path / fsdd.FOLDER / "0_me_0.wav").read_bytes() == b"mine"


def test_download_into_a_file_is_one_line(tmp_path: Path, sets: Sets) -> None:
    (tmp_path / "data").write_bytes(b"")
    with pytest.raises(DataError, match=r"expected to write to .*(File exists|Not a directory).*; check --data"):
        download(tmp_path / "data", *sets)


@pytest.mark.data
@pytest.mark.skipif("MMDIGIT_DATA" not in os.environ, reason="needs the real data sets in MMDIGIT_DATA")
def test_download_accepts_the_real_data_sets() -> None:
    download(Path(os.environ["MMDIGIT_DATA"]), MNIST, FSDD)  # without a network

"""Downloads, against a server on this machine: broken off and resumed, wrong, refused, unpacked."""

import gzip
import hashlib
import io
import os
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mmdigit.training.data import download as module
from mmdigit.training.data.download import MNIST, Source, download, fetch, unpacked_md5
from schemas.errors import DataError
from tests.mmdigit.clips import tone, wav

CONTENT = bytes(range(256)) * 4000  # 1 MB
PACKED = gzip.compress(CONTENT, 0)
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `files`; breaks the first `breaks` transfers off in the middle; knows ranges unless told otherwise."""

    files: dict[str, bytes]
    breaks = 0
    ranges = True
    requests: list[str]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        content = self.server.files.get(self.path)
        wanted = self.headers.get("Range", "")
        self.server.requests.append(wanted)
        if content is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.server.ranges else 0
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if self.server.breaks:
            self.server.breaks -= 1
            self.wfile.write(content[start : start + len(content) // 3])
            return
        self.wfile.write(content[start:])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    served = Server(("127.0.0.1", 0), Handler)
    served.files, served.requests = {"/f.gz": PACKED}, []
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    served.shutdown()
    thread.join()
    served.server_close()


def source(server: Server, path: str = "/f.gz", md5: str | None = MD5) -> Source:
    return Source((f"http://127.0.0.1:{server.server_port}{path}",), "f.gz", md5)


def nothing(done: int, total: int | None) -> None:
    pass


def test_a_file_is_fetched_and_checked(tmp_path: Path, server: Server) -> None:
    seen: list[tuple[int, int | None]] = []
    fetch(source(server), tmp_path / "f.gz", lambda done, total: seen.append((done, total)))
    assert (tmp_path / "f.gz").read_bytes() == PACKED
    assert seen[-1] == (len(PACKED), len(PACKED))
    assert [path.name for path in tmp_path.iterdir()] == ["f.gz"]


def test_a_broken_transfer_goes_on_where_it_stopped(tmp_path: Path, server: Server) -> None:
    server.breaks = 2
    fetch(source(server), tmp_path / "f.gz", nothing)
    assert (tmp_path / "f.gz").read_bytes() == PACKED
    third = len(PACKED) // 3
    assert server.requests == ["", f"bytes={third}-", f"bytes={2 * third}-"]


def test_the_next_run_goes_on_where_the_last_one_stopped(tmp_path: Path, server: Server) -> None:
    server.breaks = 3
    with pytest.raises(DataError, match="goes on where it stopped"):
        fetch(source(server, md5="0" * 32), tmp_path / "f.gz", nothing)
    done = (tmp_path / "f.gz.partial").stat().st_size
    assert done == 3 * (len(PACKED) // 3)
    fetch(source(server), tmp_path / "f.gz", nothing)
    assert server.requests[-1] == f"bytes={done}-"
    assert (tmp_path / "f.gz").read_bytes() == PACKED


def test_a_server_without_ranges_sends_it_all_again(tmp_path: Path, server: Server) -> None:
    server.breaks, server.ranges = 1, False
    fetch(source(server), tmp_path / "f.gz", nothing)
    assert (tmp_path / "f.gz").read_bytes() == PACKED


def test_a_leftover_longer_than_the_file_is_thrown_away(tmp_path: Path, server: Server) -> None:
    (tmp_path / "f.gz.partial").write_bytes(bytes(len(PACKED) + 1))
    fetch(source(server), tmp_path / "f.gz", nothing)
    assert (tmp_path / "f.gz").read_bytes() == PACKED


def test_wrong_content_is_refused_and_not_kept(tmp_path: Path, server: Server) -> None:
    with pytest.raises(DataError, match="not what was expected"):
        fetch(source(server, md5="0" * 32), tmp_path / "f.gz", nothing)
    assert list(tmp_path.iterdir()) == []


def test_the_second_address_stands_in_for_the_first(tmp_path: Path, server: Server) -> None:
    both = Source((source(server, "/none").urls[0], source(server).urls[0]), "f.gz", MD5)
    fetch(both, tmp_path / "f.gz", nothing)
    assert (tmp_path / "f.gz").read_bytes() == PACKED


def test_no_network_is_one_line(tmp_path: Path, server: Server) -> None:
    nobody = Source(("http://127.0.0.1:9/f.gz",), "f.gz", MD5)
    with pytest.raises(DataError, match="check the connection") as caught:
        fetch(nobody, tmp_path / "f.gz", nothing)
    assert "\n" not in str(caught.value)


def test_more_than_the_limit_is_refused(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 1000)
    with pytest.raises(DataError, match="at most 1000 bytes, got more"):
        fetch(source(server), tmp_path / "f.gz", nothing)


def archive(names: list[str]) -> bytes:
    buffer = io.BytesIO()
    content = wav(tone(0.1))
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def test_both_sets_are_laid_out_and_left_alone_the_next_time(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FSDD_COUNT", 2)
    inside = ["x/recordings/0_a_0.wav", "x/recordings/../../../1_a_0.wav", "x/recordings/1_a_0.wav", "x/README.md"]
    server.files["/fsdd.tar.gz"] = archive(inside)
    mnist = [Source(source(server).urls, "MNIST/raw/f.gz", MD5)]
    fsdd = Source(source(server, "/fsdd.tar.gz").urls, "fsdd.tar.gz", None)
    download(tmp_path, mnist, fsdd)
    names = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    recordings = "free-spoken-digit-dataset/recordings"
    assert names == ["MNIST/raw/f.gz", f"{recordings}/0_a_0.wav", f"{recordings}/1_a_0.wav"]
    asked = len(server.requests)
    download(tmp_path, mnist, fsdd)
    assert len(server.requests) == asked


@pytest.mark.parametrize("content", [archive(["x/recordings/0_a_0.wav"]), b"no archive", archive(["a"])[:-20]])
def test_a_wrong_archive_is_refused(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(module, "FSDD_COUNT", 2)
    server.files["/fsdd.tar.gz"] = content
    with pytest.raises(DataError, match="run the download again"):
        download(tmp_path, [], Source(source(server, "/fsdd.tar.gz").urls, "fsdd.tar.gz", None))
    assert not (tmp_path / "fsdd.tar.gz").exists()


@pytest.mark.data
@pytest.mark.skipif("MMDIGIT_DATA" not in os.environ, reason="needs the real data sets in MMDIGIT_DATA")
def test_the_pinned_checksums_are_those_of_the_real_files() -> None:
    for file in MNIST:
        assert unpacked_md5(Path(os.environ["MMDIGIT_DATA"]) / file.path) == file.unpacked_md5

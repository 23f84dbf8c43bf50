"""Transfers from a local server: broken off, continued, refused, too large."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from rich.progress import Progress

pytest.importorskip("pooch")

from mmdigit.training.data.fetching import CHUNK_BYTES, Source, fetch
from schemas.errors import DataError
from tests.mmdigit.training.data.archives import names
from tests.mmdigit.training.data.conftest import Server

pytestmark = pytest.mark.usefixtures("waits")

CONTENT = np.random.default_rng(0).bytes(900_000)
SHA256, MD5 = hashlib.sha256(CONTENT).hexdigest(), f"md5:{hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()}"
NOTHING = Progress(disable=True)


@pytest.fixture(autouse=True)
def file(server: Server) -> None:
    server.files["/f"] = CONTENT


def source(server: Server, path: str = "/f", checksum: str | None = SHA256, n_bytes: int = len(CONTENT)) -> Source:
    return Source((server.url(path),), checksum, n_bytes)


@pytest.mark.parametrize("checksum", [SHA256, MD5, None])
def test_fetch_checks_the_file_and_shows_progress(tmp_path: Path, server: Server, checksum: str | None) -> None:
    progress = Progress(disable=True)
    assert fetch(source(server, checksum=checksum), tmp_path / "f", progress).read_bytes() == CONTENT
    (task,) = progress.tasks
    assert (task.description, task.completed, task.total) == ("f", len(CONTENT), len(CONTENT))
    assert names(tmp_path) == ["f"]
    fetch(source(server, checksum=checksum), tmp_path / "f", progress)
    assert len(server.requests) == 1


def whole_chunks(n_bytes: int) -> int:
    """What is written of so many bytes if the transfer breaks off behind them."""
    return n_bytes // CHUNK_BYTES * CHUNK_BYTES


def test_fetch_goes_on_where_a_transfer_broke_off(tmp_path: Path, server: Server, waits: list[float]) -> None:
    server.breaks = 2
    assert fetch(source(server), tmp_path / "f", NOTHING).read_bytes() == CONTENT
    first = whole_chunks(len(CONTENT) // 3)
    second = first + whole_chunks((len(CONTENT) - first) // 3)
    assert server.requests == [("/f", None), ("/f", f"bytes={first}-"), ("/f", f"bytes={second}-")]
    assert waits == [1, 2]
    assert names(tmp_path) == ["f"]


def test_fetch_goes_on_in_a_later_run(tmp_path: Path, server: Server) -> None:
    server.breaks = 3
    with pytest.raises(DataError, match="check the connection and run it again: it goes on where it stopped"):
        fetch(source(server), tmp_path / "f", NOTHING)
    assert names(tmp_path) == ["f.part"]
    arrived = (tmp_path / "f.part").stat().st_size
    assert fetch(source(server), tmp_path / "f", NOTHING).read_bytes() == CONTENT
    assert server.requests[3:] == [("/f", f"bytes={arrived}-")]


@pytest.mark.parametrize("ranges", [True, False])
def test_fetch_replaces_a_part_of_another_file(tmp_path: Path, server: Server, ranges: bool) -> None:
    server.ranges = ranges
    (tmp_path / "f.part").write_bytes(b"other")
    assert fetch(source(server), tmp_path / "f", NOTHING).read_bytes() == CONTENT
    assert [asked for _, asked in server.requests] == (["bytes=5-", None] if ranges else ["bytes=5-"])
    assert names(tmp_path) == ["f"]


def test_fetch_without_a_checksum_starts_again(tmp_path: Path, server: Server) -> None:
    server.breaks = 1
    assert fetch(source(server, checksum=None), tmp_path / "f", NOTHING).read_bytes() == CONTENT
    assert server.requests == [("/f", None), ("/f", None)]


@pytest.mark.parametrize("more", [b"", b"more"])
def test_fetch_with_a_part_that_is_whole_or_longer(tmp_path: Path, server: Server, more: bytes) -> None:
    (tmp_path / "f.part").write_bytes(CONTENT + more)
    assert fetch(source(server), tmp_path / "f", NOTHING).read_bytes() == CONTENT
    assert len(server.requests) == (2 if more else 1)


def test_fetch_refuses_other_content(tmp_path: Path, server: Server) -> None:
    with pytest.raises(DataError, match=f"expected {'0' * 64} but got {SHA256}") as caught:
        fetch(source(server, checksum="0" * 64), tmp_path / "f", NOTHING)
    assert str(caught.value).isprintable()
    assert names(tmp_path) == []


def test_fetch_takes_the_second_address_when_the_first_fails(tmp_path: Path, server: Server) -> None:
    both = Source((server.url("/none"), server.url("/f")), SHA256, len(CONTENT))
    assert fetch(both, tmp_path / "f", NOTHING).read_bytes() == CONTENT


def test_fetch_without_a_network_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="check the connection") as caught:
        fetch(Source(("http://127.0.0.1:9/f",), SHA256, 1), tmp_path / "f", NOTHING)
    assert str(caught.value).isprintable()


def test_fetch_refuses_far_more_than_expected(tmp_path: Path, server: Server) -> None:
    with pytest.raises(DataError, match="expected about 100000 bytes, got more than twice as many"):
        fetch(source(server, n_bytes=100_000), tmp_path / "f", NOTHING)
    assert names(tmp_path) == []

"""Scans in folders here and at URLs: which files are found, and what a bad one says."""

import os
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from moto.server import ThreadedMotoServer
from pyarrow.fs import S3FileSystem

from mmdigit.forms.sending import scans
from mmdigit.forms.sending.scans import open_scans
from schemas.errors import DataError, UnreadableScan

FILES = {"b.pdf": b"second", "a.TIF": b"first", "notes.txt": b"no scan", "deep/c.png": b"third"}


@pytest.fixture
def folder(tmp_path: Path) -> str:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return str(tmp_path)


@pytest.fixture
def memory() -> Iterator[str]:
    files = fsspec.filesystem("memory")
    for name, content in FILES.items():
        files.pipe(f"/scans/{name}", content)
    yield "memory://scans"
    files.rm("/scans", recursive=True)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A folder on a local S3 server."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in {**keys, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
        monkeypatch.setenv(name, value)
    files = S3FileSystem(endpoint_override=f"http://{host}:{port}", allow_bucket_creation=True)
    files.create_dir("bucket")
    for name, content in FILES.items():
        with files.open_output_stream(f"bucket/scans/{name}") as file:
            file.write(content)
    yield "s3://bucket/scans"
    server.stop()


@pytest.fixture(params=["folder", "memory", "bucket"])
def place(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(request.param)
    return found


def test_open_scans_finds_the_scans_in_order(place: str) -> None:
    found = open_scans(place)
    assert found.names == ("a.TIF", "b.pdf")
    assert [found.read(name) for name in found.names] == [b"first", b"second"]
    deep = open_scans(place, recursive=True)
    assert deep.names == ("a.TIF", "b.pdf", "deep/c.png")
    assert deep.read("deep/c.png") == b"third"


def test_open_scans_takes_a_single_file(place: str) -> None:
    found = open_scans(f"{place}/b.pdf")
    assert found.names == ("b.pdf",)
    assert found.read("b.pdf") == b"second"


def test_open_scans_refuses_a_place_without_scans(place: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"expected scans \(\.pdf.*got none; name another, or add --recursive"):
        open_scans(f"{place}/none" if "://" in place else f"{place}/empty")


def test_file_that_is_gone_is_unreadable_alone(place: str) -> None:
    found = open_scans(place)
    with pytest.raises(UnreadableScan, match="it cannot be read"):
        found.read("gone.pdf")
    assert found.read("b.pdf") == b"second"


def test_file_that_is_too_large_is_unreadable(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = open_scans(place)
    monkeypatch.setattr(scans, "MAX_FILE_BYTES", 5)
    with pytest.raises(UnreadableScan):
        found.read("b.pdf")
    assert found.read("a.TIF") == b"first"


@pytest.mark.parametrize("url", ["s3://nobody/scans", "nothing://scans", "s3://"])
def test_open_scans_says_what_is_wrong_with_a_url(url: str, bucket: str) -> None:
    with pytest.raises(DataError, match=r"expected a folder of scans at|expected scans"):
        open_scans(url)


def test_local_scans_never_wait_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.pdf")
    with pytest.raises(UnreadableScan, match="it cannot be read"):
        open_scans(str(tmp_path)).read("a.pdf")


def test_pipe_behind_a_url_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.pdf")
    found = open_scans(f"file://{tmp_path}")
    with pytest.raises(UnreadableScan, match="it is no file but of type other"):
        found.read("a.pdf")

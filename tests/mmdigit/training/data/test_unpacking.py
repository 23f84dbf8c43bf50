"""Archives: wanted files, links and lies in headers, limits, damage."""

import gzip
import io
import tarfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdigit.training.data import unpacking
from mmdigit.training.data.unpacking import members
from schemas.errors import DataError
from tests.mmdigit.training.data.archives import add, tar_gz

FILES = {"a/1.wav": b"one" * 1000, "../2.wav": b"two", "/3.wav": b"", "a/readme": b"text", "4.wav": b"x" * 512}


def write(folder: Path, content: bytes) -> Path:
    path = folder / "f.tar.gz"
    path.write_bytes(content)
    return path


def read(path: Path, max_bytes: int = 100_000) -> dict[str, bytes]:
    return dict(members(path, max_bytes, lambda name: name.endswith(".wav")))


def header(tar: tarfile.TarFile, name: str, kind: bytes = tarfile.REGTYPE, size: int = 0) -> None:
    """A header without what it announces."""
    member = tarfile.TarInfo(name)
    member.type, member.size, member.linkname = kind, size, "/etc/passwd"
    assert tar.fileobj is not None
    tar.fileobj.write(member.tobuf(tarfile.GNU_FORMAT))
    tar.offset += 512


def test_members_are_the_wanted_files(tmp_path: Path) -> None:
    path, seen = write(tmp_path, tar_gz(FILES)), list[int]()
    found = dict(members(path, 100_000, lambda name: name.endswith(".wav"), seen.append))
    assert found == {name: content for name, content in FILES.items() if name.endswith(".wav")}
    assert len(seen) == len(FILES)
    assert seen[-1] <= path.stat().st_size


def test_members_are_regular_files(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
            header(tar, f"{kind.decode()}.wav", kind)
        sparse = tarfile.TarInfo("sparse.wav")
        sparse.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(2**40)}
        tar.addfile(sparse)
        add(tar, "1.wav", b"one")
    assert read(write(tmp_path, buffer.getvalue())) == {"1.wav": b"one"}


@pytest.mark.parametrize(
    ("kind", "size", "message"),
    [
        (tarfile.REGTYPE, 2**40, "more than 100000 bytes unpacked"),
        (tarfile.REGTYPE, -1024, "a file of negative size"),
        (tarfile.XHDTYPE, 2**40, "in a header"),
        (tarfile.GNUTYPE_LONGNAME, 2**40, "in a header"),
        (tarfile.REGTYPE, 50_000, "unexpected end of data"),
    ],
)
def test_members_refuse_a_size_that_is_a_lie(tmp_path: Path, kind: bytes, size: int, message: str) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        header(tar, "1.wav" if size == 50_000 else "1.txt", kind, size)
        add(tar, "2.wav", b"two")
    with pytest.raises(DataError, match=f"expected f.tar.gz whole, got a damaged one .*({message})"):
        read(write(tmp_path, buffer.getvalue()))


def test_members_refuse_more_than_the_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, tar_gz({"zeros": bytes(2_000_000), **FILES}))
    with pytest.raises(DataError, match="more than 100000 bytes unpacked"):
        read(path)
    assert len(read(path, 3_000_000)) == 4
    with monkeypatch.context() as patch:
        patch.setattr(unpacking, "MAX_MEMBERS", len(FILES))
        with pytest.raises(DataError, match="more than 5 files"):
            read(path, 3_000_000)
    monkeypatch.setattr(unpacking, "MAX_READ_BYTES", 2048)
    with pytest.raises(DataError, match="more than 2048 bytes in one file"):
        read(path, 3_000_000)


def test_members_refuse_a_chain_of_headers(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        for _ in range(3000):
            header(tar, "1.wav", tarfile.GNUTYPE_LONGNAME)
    with pytest.raises(DataError, match="recursion"):
        read(write(tmp_path, buffer.getvalue()), 10_000_000)


@pytest.mark.parametrize(
    "content",
    [b"no archive", tar_gz(FILES)[:-4], gzip.compress(b"no archive" * 99), tar_gz(FILES)[:60], b""],
    ids=["no gzip", "checksum cut", "no tar", "cut", "empty"],
)
def test_members_refuse_a_damaged_archive(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match="run the download again") as caught:
        read(write(tmp_path, content))
    assert str(caught.value).isprintable()


def test_members_check_what_is_behind_the_last_file(tmp_path: Path) -> None:
    content = bytearray(tar_gz(FILES))
    content[-8] ^= 1  # the checksum of what was packed
    with pytest.raises(DataError, match="CRC"):
        read(write(tmp_path, bytes(content)))


PLAIN = gzip.decompress(tar_gz(FILES))


@given(st.lists(st.tuples(st.integers(0, len(PLAIN) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_members_of_a_changed_archive_raise_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    content = bytearray(PLAIN)
    for position, value in changes:
        content[position] = value
    with suppress(DataError):
        found = read(write(tmp_path_factory.getbasetemp(), gzip.compress(bytes(content), 1)))
        assert sum(map(len, found.values())) <= len(PLAIN)

"""Archives are read through their entries alone, whatever their headers claim."""

import io
import struct
import zipfile
from collections.abc import Mapping

import pytest

from mmdigit.gateway.intake import zipped
from mmdigit.gateway.intake.zipped import ZipJob, zip_jobs
from mmdigit.gateway.problems import Problem
from schemas.api import JobSubmission
from schemas.job import MAX_IMAGE_BYTES

MANIFEST = "id,image,audio,label\na,4.png,4.wav,4\nb,7.png,,\n"
FILES = {"4.png": b"four", "4.wav": b"vier", "7.png": b"seven"}


def archive(manifest: str | None = MANIFEST, files: Mapping[str, bytes] = FILES, folder: str = "") -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for name, body in files.items():
            file.writestr(folder + name, body)
        if manifest is not None:
            file.writestr(f"{folder}manifest.csv", manifest)
    return content.getvalue()


def jobs_of(content: bytes, limit: int = 1 << 28) -> list[ZipJob]:
    return list(zip_jobs(io.BytesIO(content), limit))


def faults_of(content: bytes, limit: int = 1 << 28) -> list[str | None]:
    return [job.job if isinstance(job.job, str) else None for job in jobs_of(content, limit)]


def refusal_of(content: bytes) -> str:
    with pytest.raises(Problem) as refused:
        jobs_of(content)
    assert refused.value.status == 422
    assert len(refused.value.detail) < 600
    return refused.value.detail


@pytest.mark.parametrize("folder", ["", "batch/", "a/b/"])
def test_rows_come_with_their_files(folder: str) -> None:
    assert jobs_of(archive(folder=folder)) == [
        ZipJob(2, "a", JobSubmission(image=b"four", audio=b"vier", expected=4)),
        ZipJob(3, "b", JobSubmission(image=b"seven")),
    ]


def test_names_are_found_as_macos_and_windows_write_them() -> None:
    written = archive("id,image\na,b\\ü.png\nb,./b/4.png\n", {"b/u\u0308.png": b"1", "b/4.png": b"2"})
    assert [job.job for job in jobs_of(written)] == [JobSubmission(image=b"1"), JobSubmission(image=b"2")]


@pytest.mark.parametrize("name", ["/etc/passwd", "../manifest.csv", "b/../4.png", "4.PNG", "sub"])
def test_names_lead_nowhere_else(name: str) -> None:
    [fault] = faults_of(archive(f"id,image\na,{name}\n", {"4.png": b"4", "sub/4.png": b"4"}))
    assert fault is not None
    assert "expected a file of the archive" in fault


def test_wrong_rows_stop_no_other() -> None:
    rows = "a,no.png,,\nb,,,\nc,4.png,,x\nd,4.png,4.wav,4,5\ne,7.png,,\n"
    faults = faults_of(archive(f"id,image,audio,label\n{rows}"))
    assert [fault is None for fault in faults] == [False, False, False, False, True]


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        (None, "got no file"),
        ("", "begin with a header"),
        ("id,image\n", "without rows"),
        ("id,image\na,4.png\na,7.png\n", "lines 2 and 3"),
        ("image\n4.png\n", "expected a header"),
        ('id,image\na,"4.png\n', "is a quote missing"),
    ],
)
def test_spoiled_manifest_is_refused_whole(manifest: str | None, says: str) -> None:
    assert says in refusal_of(archive(manifest))


def test_two_manifests_are_refused() -> None:
    assert "got 2 file" in refusal_of(archive(files={"deep/manifest.csv": b""}))


def test_macos_leftovers_are_no_manifest() -> None:
    assert faults_of(archive(files={**FILES, "__MACOSX/manifest.csv": b"x"})) == [None, None]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_entry_that_is_there_twice_is_named() -> None:
    content = io.BytesIO(archive())
    with zipfile.ZipFile(content, "a") as file:
        file.writestr("4.png", b"other")
    faults = faults_of(content.getvalue())
    assert "several" in (faults[0] or "")
    assert faults[1] is None


@pytest.mark.parametrize("content", [b"", b"PK", b"%PDF", archive()[:-30]])
def test_broken_archives_are_refused(content: bytes) -> None:
    assert "got a file that is not a zip archive (" in refusal_of(content)


def test_empty_archive_is_refused() -> None:
    assert "got no file of that name" in refusal_of(b"PK\x05\x06" + bytes(18))


def test_changed_file_fails_its_checksum() -> None:
    content = bytearray(stored(FILES))
    content[content.index(b"four")] ^= 1
    faults = faults_of(bytes(content))
    assert "broken" in (faults[0] or "")
    assert faults[1] is None


def test_encrypted_entries_are_named() -> None:
    content = with_header(stored(FILES), "4.png", 8, struct.pack("<H", 1))
    assert "without a password" in (faults_of(content)[0] or "")


def test_other_methods_are_named() -> None:
    content = with_header(stored(FILES), "4.png", 10, struct.pack("<H", 14))
    assert "method 14" in (faults_of(content)[0] or "")


def test_bomb_is_not_unpacked() -> None:
    bomb = archive(files={**FILES, "4.png": bytes(MAX_IMAGE_BYTES + 1)})
    assert f"at most {MAX_IMAGE_BYTES} bytes" in (faults_of(bomb)[0] or "")


def test_size_that_lies_is_not_believed() -> None:
    lying = with_header(
        archive(files={**FILES, "4.png": bytes(MAX_IMAGE_BYTES + 1)}), "4.png", 24, struct.pack("<I", 9)
    )
    assert "broken" in (faults_of(lying)[0] or "")


def test_entry_named_again_counts_again() -> None:
    rows = "".join(f"{number},4.png\n" for number in range(10))
    faults = faults_of(archive(f"id,image\n{rows}", {"4.png": bytes(1000)}), 5000)
    assert [fault is None for fault in faults] == [True] * 4 + [False] * 6


def test_list_of_entries_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipped, "MAX_DIRECTORY_BYTES", 100)
    assert "list of entries" in refusal_of(archive())


def test_zip64_sizes_that_lie_are_refused() -> None:
    end = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 3, 3, 1 << 40, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(archive()) - 22, 1)
    content = archive()[:-22] + end + locator + archive()[-22:]
    assert "zip archive" in refusal_of(content)


def stored(files: Mapping[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as file:
        for name, body in (*files.items(), ("manifest.csv", MANIFEST.encode())):
            file.writestr(name, body)
    return content.getvalue()


def with_header(content: bytes, name: str, offset: int, value: bytes) -> bytes:
    """The archive with some bytes of an entry in its list of entries replaced."""
    changed = bytearray(content)
    start = content.rindex(b"PK\x01\x02", 0, content.rindex(name.encode()))
    changed[start + offset : start + offset + len(value)] = value
    return bytes(changed)


def test_entry_without_a_name_is_left_alone() -> None:
    content = with_header(archive(files={**FILES, "wxyz": b"x"}), "wxyz", 28, struct.pack("<HH", 0, 4))
    start = content.rindex(b"wxyz")
    nameless = content[:start] + struct.pack("<HH", 0xCAFE, 0) + content[start + 4 :]  # the name is an extra field now
    assert faults_of(nameless) == [None, None]

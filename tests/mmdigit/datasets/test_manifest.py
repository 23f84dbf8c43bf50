"""Manifests: round trip through csv, ids, limits, memory. tests/test_same_manifests.py has the spellings."""

import csv
import io
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmdigit.datasets import manifest as module
from mmdigit.datasets.manifest import Manifest
from mmdigit.datasets.sample import NamedSample
from mmdigit.datasets.table import open_table
from mmdigit.datasets.unique import Digests
from schemas.errors import DataError

ROOT = Path(__file__).parents[3]


def manifest(folder: Path, content: str | bytes) -> Path:
    path = folder / "m.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_rows_keep_their_order_with_paths_beside_the_manifest(tmp_path: Path) -> None:
    path = manifest(
        tmp_path, "\ufeffid,image,audio,label,note\na,i/1.png,,7,x\n\nb,,/a.wav,,\n c , 1.png , 1.wav , 0 ,\n"
    )
    assert list(Manifest.open(path)) == [
        NamedSample("a", tmp_path / "i/1.png", None, 7, 2),
        NamedSample("b", None, Path("/a.wav"), None, 4),
        NamedSample("c", tmp_path / "1.png", tmp_path / "1.wav", 0, 5),
    ]


@pytest.mark.parametrize("header", ["\u0130D;\u0130MAGE;LABEL", "\u0131d;\u0131mage;label"])
def test_column_names_in_a_turkish_case(tmp_path: Path, header: str) -> None:
    path = manifest(tmp_path, f"{header}\na;1.png;7\n")
    assert list(Manifest.open(path)) == [NamedSample("a", tmp_path / "1.png", None, 7, 2)]


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=5),
    st.sampled_from(",;\t"),
    # csv.QUOTE_MINIMAL quotes a line end only if its own lines end so.
    st.sampled_from(
        [(csv.QUOTE_ALL, "\n"), (csv.QUOTE_ALL, "\r\n"), (csv.QUOTE_ALL, "\r"), (csv.QUOTE_MINIMAL, "\r\n")]
    ),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_manifest_round_trip_through_csv(
    tmp_path: Path, rows: list[tuple[str, str, str]], separator: str, style: tuple[Literal[0, 1], str], encoding: str
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, quoting=style[0], lineterminator=style[1])
    writer.writerow(["ID", "Note", "image"])
    writer.writerows(rows)
    path = manifest(tmp_path, text.getvalue().encode(encoding))
    with open_table(path, ["id"], [["id"]]) as table:
        read: list[tuple[str, ...]] = [tuple(row.cells) for row in table]
    expected: list[tuple[str, ...]] = [row for row in rows if any(map(str.strip, row))]
    if style[0] == csv.QUOTE_MINIMAL:  # spaces after a separator are no part of a cell without quotes
        read, expected = ([tuple(cell.lstrip(" ") for cell in row) for row in both] for both in (read, expected))
    assert read == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, derandomize=True)
@given(st.binary(max_size=80) | st.text('id,mage;\t"\n\r1ü', max_size=80).map(str.encode))
@pytest.mark.parametrize("header", [b"id,image,audio,label\n", b""])
def test_any_bytes_are_a_manifest_or_a_clear_error(tmp_path: Path, header: bytes, content: bytes) -> None:
    try:
        found = Manifest.open(manifest(tmp_path, header + content))
    except DataError:
        return
    samples = list(found)
    assert len(samples) == len(found)
    assert all((sample.fault or "").isprintable() for sample in samples)


@pytest.mark.parametrize("written", ["NFC", "NFD"])
@pytest.mark.parametrize("named", ["NFC", "NFD"])
def test_path_with_umlaut_is_found_in_both_spellings(tmp_path: Path, written: str, named: str) -> None:
    def spelled(form: str, text: str) -> str:
        return "/".join(unicodedata.normalize(form, part) for part in text.split("/"))  # type: ignore[arg-type]

    file = tmp_path / spelled(written, "Bögen") / spelled("NFC", "März") / spelled(written, "Feld ü.png")
    file.parent.mkdir(parents=True)
    file.write_bytes(b"")
    [sample] = Manifest.open(manifest(tmp_path, f"id,image\n1,{spelled(named, 'Bögen/März/Feld ü.png')}\n"))
    assert sample.image == file


def test_path_prefers_the_spelling_of_the_cell(tmp_path: Path) -> None:
    for form in ("NFC", "NFD"):
        (tmp_path / unicodedata.normalize(form, "ü.png")).write_text(form)
        [sample] = Manifest.open(manifest(tmp_path, f"id,image\n1,{unicodedata.normalize(form, 'ü.png')}\n"))
        assert sample.image is not None
        assert sample.image.read_text() == form


def test_ids_with_equal_digests_stay_two_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Digests, "_digest", lambda self, text: len(text))
    text = "id,image\n1,a\n2,a\n3,a\n10,a\n"
    assert [sample.id for sample in Manifest.open(manifest(tmp_path, text))] == ["1", "2", "3", "10"]
    with pytest.raises(DataError, match=r"m\.csv lines 3 and 6, column id: expected each id once, got 2 twice"):
        Manifest.open(manifest(tmp_path, text + "2,b\n"))


def test_too_many_rows_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 2)
    assert len(Manifest.open(manifest(tmp_path, "id,image\n1,a\n2,a\n\n"))) == 2
    with pytest.raises(DataError, match="at most 2 rows, got more; split it"):
        Manifest.open(manifest(tmp_path, "id,image\n1,a\n2,a\n3,a\n"))


MEASURE = """
import resource, sys
from pathlib import Path
from mmdigit.datasets.manifest import Manifest
from schemas.errors import DataError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    print(sum(1 for _ in Manifest.open(Path(sys.argv[1]))))
except DataError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def measure(path: Path) -> tuple[str, int]:
    """The number of rows or the error, and by how many MiB reading raised the process's peak memory."""
    ran = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    printed, grown = ran.stdout.splitlines()
    return printed, int(grown)


def test_line_of_a_gigabyte_takes_no_memory(tmp_path: Path) -> None:
    path = manifest(tmp_path, "id,image,note\n1,a.png,")
    with path.open("ab") as file:
        for _ in range(16):
            file.write(b"x" * 2**20)
        file.truncate(2**30)
    printed, grown_mib = measure(path)
    assert "m.csv line 2: expected a row of at most 131072 characters" in printed
    assert grown_mib < 16


def test_many_rows_take_little_memory(tmp_path: Path) -> None:
    path = manifest(
        tmp_path, "id,image\n" + "".join(f"form-{number:08}.field-{number % 10},i\n" for number in range(60_000))
    )
    printed, grown_mib = measure(path)
    assert printed == "60000"
    assert grown_mib < 8  # 8 bytes a row

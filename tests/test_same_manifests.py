"""Every manifest is read, or refused, in the same way by `mmdigit predict` and by the producer."""

import csv
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from mmdigit import cli
from mmdigit.settings.program import run_program
from mmdigit.transport.urls import open_consumer
from producer.__main__ import main
from schemas.wire import decode_job

CASES = Path(__file__).parent / "cases" / "csv-excel"


class ProgramResult(NamedTuple):
    """What a program did with a manifest. read: the digit of each sample that it read."""

    code: int
    read: list[int]
    errors: str


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the cases as working directory."""
    for name in os.environ:
        if name.startswith("MMDIGIT_"):
            monkeypatch.delenv(name)
    copy = tmp_path / "cases"
    shutil.copytree(CASES, copy)
    monkeypatch.chdir(copy)
    return copy


@pytest.fixture
def both(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[str | Path], list[ProgramResult]]:
    """Runs both programs on a manifest; what they read is the digit that the file's name says, or that is answered."""
    digits = {path.read_bytes(): int(path.stem) for path in (folder / "img").glob("[0-9].png")}
    digits[next(folder.glob("B*/*.png")).read_bytes()] = 4

    def run(manifest: str | Path) -> list[ProgramResult]:
        results = []
        code = run_program("producer", main, ["--from", str(manifest), "--to", "sqlite:///queue.db"])
        read: list[int] = []
        if Path("queue.db").exists():
            with open_consumer("sqlite:///queue.db", group="test") as consumer:
                jobs = [decode_job(record.value) for record in consumer.poll(1000, timeout_s=1.0)]
                read = [digits.get(job.image or b"", -1) for job in jobs]
        results.append(ProgramResult(code, read, capsys.readouterr().err))
        code = cli.main(["predict", "--manifest", str(manifest), "--output", "out.csv"])
        read = []
        if Path("out.csv").exists():
            with Path("out.csv").open(newline="") as file:
                read = [int(row["label"]) for row in csv.DictReader(file) if row["label"]]
        results.append(ProgramResult(code, read, capsys.readouterr().err))
        return results

    return run


Both = Callable[[str | Path], list[ProgramResult]]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("semicolon.csv", [0, 1]),
        ("header_case.csv", [0, 1]),
        ("label_float.csv", [0, 1]),
        ("nfd_umlaut.csv", [4]),
        ("onlycommas.csv", [0, 1]),
        ("quote_space.csv", [0]),
        ("sep.csv", [0, 1]),
        ("trailing_surplus.csv", [0]),
    ],
)
def test_manifest_of_a_spreadsheet_is_read(both: Both, name: str, expected: list[int]) -> None:
    for outcome in both(name):
        assert (outcome.code, outcome.read) == (0, expected)


READ = {
    "tabs": "id\timage\taudio\tlabel\n1\timg/0.png\t\t0\n2\timg/1.png\t\t1\n",
    "sep=tab": "sep=\t\r\nid\timage\r\n1\timg/0.png\r\n2\timg/1.png\r\n",
    "sep=|": 'SEP=|\nid|image|label\n1|"img/0.png"|0\n2|img/1.png|\n',
    "sep= in quotes, padded": '"sep=;";;;\nid;image;audio;label\n1;img/0.png;;0\n2;img/1.png;;1\n',
    "header with spaces": " ID , Image,LABEL \n1,img/0.png,0\n2,img/1.png,1\n",
    "header in quotes": '"id";"image";"label"\n"1";"img/0.png";"0"\n"2";"img/1.png";"1"\n',
    "CR alone": "id,image\r1,img/0.png\r2,img/1.png\r",
    "no end of the last line": "id,image\n1,img/0.png\n2,img/1.png",
    "trailing empty column": "id,image,audio,label,\n1,img/0.png,,0,\n2,img/1.png,,1,\n",
    "three trailing cells": "id;image;label\n1;img/0.png;0;;;\n2;img/1.png;1;;;\n",
    "blank lines": "\n\n;;\nid;image;label\n\n1;img/0.png;0\n;;\n \n2;img/1.png;1\n\n",
    "pandas index": ",id,image,audio,label\n0,a,img/0.png,,0.0\n1,b,img/1.png,,1.0\n",
    "pandas nan": "id,image,audio,label\n1,img/0.png,nan,nan\n2,img/1.png,NaN,<NA>\n",
    "label with a space": 'id,image,label\n1,img/0.png," 0"\n2,img/1.png,1 \n',
    "backslashes": "id,image\n1,img\\0.png\n2,.\\img\\1.png\n",
    "other columns": "note,id,note,image\n7;5,1,x,img/0.png\n,2,,img/1.png\n",
    "rows that end early": "id,image,audio,label,note\n1,img/0.png\n2,img/1.png,\n",
    "a note of two lines": 'id,note,image\n1,"two\r\nlines; ""quoted""",img/0.png\n2,,img/1.png\n',
}


@pytest.mark.parametrize("text", READ.values(), ids=READ)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_manifest_variants_are_read(both: Both, folder: Path, text: str, encoding: str) -> None:
    (folder / "m.csv").write_bytes(text.encode(encoding))
    for outcome in both("m.csv"):
        assert (outcome.code, outcome.read) == (0, [0, 1]), outcome.errors


@pytest.mark.parametrize(
    "name", ["100 %41.png", "a'b.png", 'a"b.png', "a, b; c.png", "ünï.png", "two  words.png", "a\\b.png"]
)
def test_manifest_keeps_special_characters_in_file_names(both: Both, folder: Path, name: str) -> None:
    shutil.copy(folder / "img" / "5.png", folder / name)
    with (folder / "m.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=";").writerows([("id", "image", "label"), ("1", name, "5")])
    for outcome in both("m.csv"):
        assert (outcome.code, outcome.read) == (0, [5]), outcome.errors


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_manifest_in_windows_1252_is_read_if_files_confirm_it(both: Both, folder: Path, encoding: str) -> None:
    text = "id;image;note\r\n1;Bögen März 2026/Feld 1 ü.png;\r\n2;img/0.png;geprüft\r\n"
    (folder / "m.csv").write_bytes(text.encode(encoding))
    for outcome in both("m.csv"):
        assert (outcome.code, outcome.read) == (0, [4, 0]), outcome.errors


REFUSED = {
    "doubled column": ("id,image,image,label\n1,img/0.png,img/1.png,0\n", "m.csv line 1: expected each column once"),
    "doubled in other case": ("id,image,IMAGE \n1,img/0.png,img/1.png\n", "m.csv line 1: expected each column once"),
    "header mixed": ("id,image,audio;label\n1,img/0.png,;0\n", "m.csv line 1: expected one separator"),
    "header mixed throughout": ("id;image,label\n1;img/0.png,0\n", "m.csv line 1: expected a header"),
    "row mixed": ("id,image,label\n1,img/0.png,0\n2;img/1.png;1\n", "m.csv line 3: expected cells separated by commas"),
    "row mixed in part": ("id,image,label\n1,img/0.png;0\n", "m.csv line 2: expected cells separated by commas"),
    "another sep=": ("sep=;\nid,image\n1,img/0.png\n", "m.csv line 2: expected a header"),
    "sep= of two marks": ("sep=;;,\nid,image\n1,img/0.png\n", "m.csv line 2: expected a header"),
    "sep= of a letter": ("sep=a\nid,image\n1,img/0.png\n", "m.csv line 1: expected sep="),
    "NUL": ("id,image\n1,img/0.png\n2,img/1.png\0\n", "m.csv line 3: expected text, got a NUL byte"),
    "an id twice": ("id,image\n1,img/0.png\n\n 1,img/1.png\n", "m.csv lines 2 and 4, column id"),
    "a quote too few": ('id,image\n1,img/0.png\n2,"img/1.png\n', "m.csv line 3: "),
    "text behind a quote": ('id,image\n1,"img/0.png"x\n', "m.csv line 2: "),
    "header alone": ("id;image;audio;label\n;;;\n", "expected at least one row in m.csv"),
    "nothing": ("", "expected m.csv to begin with a header"),
    "blank": ("\n\n,,\n", "expected m.csv to begin with a header"),
    "no id": ("image,label\nimg/0.png,0\n", "m.csv line 1: expected a header"),
    "no header": ("1,img/0.png,,0\n", "m.csv line 1: expected a header"),
    "a long row": (f"id,image\n1,img/0.png\n2,{'x' * 200_000}\n", "m.csv line 3: expected a row of at most"),
    "a long row of many lines": ('id,image\n1,"' + '\n","' * 60_000, "m.csv line 2: expected a row of at most"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_ambiguous_manifest_is_a_one_line_error(both: Both, folder: Path, text: str, message: str) -> None:
    (folder / "m.csv").write_text(text, newline="")
    for outcome in both("m.csv"):
        assert (outcome.code, outcome.read) == (2, [])
        (line,) = outcome.errors.splitlines()
        assert message in line
        assert len(line) < 600


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,image\nGrün,img/0.png\n".encode("cp1252"), "m.csv line 2, column id: expected UTF-8"),
        ("id,image\n1,grün.png\n".encode("cp1252"), "m.csv line 2, column image: expected UTF-8"),
        ("id,image\n1,img/0.png\n".encode("utf-16-le"), "m.csv line 1: expected text, got a NUL byte"),
        ("id,image\n1,img/0.png\n".encode("utf-16")[:-1], "m.csv after line"),
        (b"PK\x03\x04\x14\0\6\0", "got a workbook"),
    ],
)
def test_manifest_of_another_encoding_is_refused(both: Both, folder: Path, content: bytes, message: str) -> None:
    (folder / "m.csv").write_bytes(content)
    for outcome in both("m.csv"):
        assert (outcome.code, outcome.read) == (2, [])
        (line,) = outcome.errors.splitlines()
        assert message in line
        assert "CSV UTF-8" in line


FAULTS = {
    "surplus": ("1,img/0.png,,0,5", "expected 4 cells as in the header, got 5, the last '5'; "),
    "decimal comma": ("1,img/0.png,,7,5", "expected 4 cells as in the header, got 5"),
    "decimal comma in quotes": ('1,img/0.png,,"7,0"', "column label: expected a label from 0 to 9 or none, got 7,0"),
    "half": ("1,img/0.png,,7.5", "column label: expected a label from 0 to 9 or none, got 7.5"),
    "ten": ("1,img/0.png,,10", "column label"),
    "another script": ("1,img/0.png,,٣", "column label"),
    "no id": (",img/0.png,,0", "column id: expected an id of 1 to 200 characters, got none"),
    "a long id": (f"{'x' * 201},img/0.png,,0", "column id"),
    "no file": ("1,,nan,0", "columns image and audio"),
}


@pytest.mark.parametrize(("row", "message"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("header", ["id,image,audio,label", "id,image,audio,label,"])
def test_wrong_row_is_named_and_the_rest_is_read(both: Both, folder: Path, row: str, message: str, header: str) -> None:
    (folder / "m.csv").write_text(f"{header}\n{row}\nz,img/1.png,,1\n", encoding="utf-8")
    for outcome in both("m.csv"):
        assert (outcome.code, outcome.read) == (1, [1])
        [line] = [line for line in outcome.errors.splitlines() if "m.csv" in line]
        assert line.count("line 2") == 1
        assert "line 2 of m.csv" in line
        assert message in line
        assert line.isprintable()


@pytest.mark.parametrize("path", ["/dev/zero", "pipe", "/proc/kmsg", "img", "nowhere.csv", "/dev/null"])
def test_manifest_that_is_not_a_plain_file_is_refused(
    both: Both, folder: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "img").rename(folder / "empty")
    (folder / "img").mkdir()
    for outcome in both(path):
        assert (outcome.code, outcome.read) == (2, [])
        assert len(outcome.errors.splitlines()) == 1

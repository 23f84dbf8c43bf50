"""The table of a stack, in each kind of file, with what people have changed and the pictures that its rows name."""

import csv
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mmdigit import cli
from mmdigit.forms.collecting.deciding import decide_page, job_ids_of
from mmdigit.forms.store.ports import PageStore
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.forms.table.exporting import write_pages
from mmdigit.forms.table.rows import FIELD_COLUMNS
from mmdigit.forms.template.parsing import example, parse_template
from tests.mmdigit.forms.adopt.foreign import template_of
from tests.mmdigit.forms.store.kept import adopted_page, change, fault, form_page, prediction
from tests.mmdigit.forms.written import TEMPLATE

DIGITS = {1: "00345671", 2: "12345674", 4: "00000018"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PageStore]:
    """Forms 1 and 2, form 4 twice, form 5 not answered yet, and a page that is not read."""
    (tmp_path / "form.yaml").write_bytes(example())
    with open_page_store(f"sqlite:///{tmp_path / 'forms.db'}") as opened:
        for number, digits in DIGITS.items():
            name = "=cmd|'/C calc'!A0.pdf" if number == 2 else "stack.pdf"
            page = form_page(number, digits, file_name=name)
            opened.put_pages([page])
            answers = {job_id: prediction(job_id, int(job_id[-1])) for job_id in job_ids_of(page)}
            opened.put_values({page.group: decide_page(TEMPLATE, page, answers)})
        again = form_page(44, "11111111", serial=4)
        opened.put_pages([form_page(5), fault(9, template=TEMPLATE.digest), again])
        yield opened


def export(folder: Path, name: str, *more: str) -> Path:
    forms = ["--template", str(folder / "form.yaml"), "--forms", f"sqlite:///{folder / 'forms.db'}"]
    assert cli.main(["form", "export", *forms, "-o", str(folder / name), *more]) == 0
    return folder / name


def rows(path: Path, encoding: str = "utf-8") -> list[dict[str, str]]:
    with path.open(newline="", encoding=encoding) as file:
        return list(csv.DictReader(file))


def test_export_writes_a_row_of_each_form(store: PageStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store.put_changes([change("00345672", by="=Ada", name="member")])
    first, second, fourth, fifth = rows(export(tmp_path, "table.csv"))
    assert capsys.readouterr().out == (
        f"4 forms, 63 fields, 6 of them for review: {tmp_path / 'table.csv'}\n"
        "1 page not read\n2 pages whose jobs are not answered yet\n1 page left out, being there twice\n"
    )
    assert [row["serial"] for row in (first, second, fourth, fifth)] == ["1", "2", "4", "5"]
    assert (first["member"], first["member.source"], first["member.changed_by"]) == ("00345672", "person", "'=Ada")
    assert first["member.chance"] == ""
    assert first["member.changed_at"] == "2026-11-28T12:30:00.123456+00:00"
    assert (second["member"], second["member.source"], second["member.decision"]) == ("12345674", "model", "accept")
    assert float(second["member.chance"]) > 0.9999
    assert second["pages"] == second["member.page"] == "'=cmd|'/C calc'!A0.pdf:2"
    assert (second["member.crop"], second["member.box_mm"]) == ("000002.1.member.png", "25 54 63 9")
    assert second["member.model_version"] == "model-1"
    assert (second["born"], second["born.decision"], second["born.reasons"]) == ("", "review", "blank")
    assert second["decision"] == "review"
    assert (fifth["member"], fifth["member.decision"], fifth["member.reasons"]) == ("", "review", "unread_page")


def test_export_of_json_lines_has_an_object_of_each_form(store: PageStore, tmp_path: Path) -> None:
    lines = export(tmp_path, "table.jsonl").read_text().splitlines()
    second: dict[str, Any] = json.loads(lines[1])
    member = second["fields"]["member"]
    assert list(member) == ["value", *FIELD_COLUMNS]
    assert (member["value"], member["reasons"], member["changed_by"]) == ("12345674", [], None)
    assert second["pages"] == ["=cmd|'/C calc'!A0.pdf:2"]
    assert second["template"] == TEMPLATE.digest
    assert len(lines) == 4


def test_export_of_parquet_keeps_text_as_text(store: PageStore, tmp_path: Path) -> None:
    store.put_changes([change("00345672", name="member")])
    table = pq.read_table(export(tmp_path, "table.parquet"))
    assert table.column("member").to_pylist() == ["00345672", "12345674", "00000018", ""]
    assert table.column("serial").to_pylist() == [1, 2, 4, 5]
    chances = table.column("member.chance").to_pylist()
    assert chances[0] is None
    assert chances[1] > 0.9999
    assert table.column_names == list(rows(export(tmp_path, "table.csv"))[0])


def test_export_for_excel_keeps_leading_zeros(store: PageStore, tmp_path: Path) -> None:
    path = export(tmp_path, "excel.csv", "--excel")
    assert path.read_bytes().startswith(b"\xef\xbb\xbfform,")
    table = rows(path, "utf-8-sig")
    assert [row["member"] for row in table] == ['="00345671"', '="12345674"', '="00000018"', ""]
    assert table[1]["pages"].startswith("'=cmd")
    assert {row["consent"] for row in table} == {"true", ""}
    plain = rows(export(tmp_path, "plain.csv"))
    assert [row["member"] for row in plain] == ["00345671", "12345674", "00000018", ""]


def test_export_writes_the_pictures_that_rows_name(store: PageStore, tmp_path: Path) -> None:
    table = rows(export(tmp_path, "table.csv", "--crops", str(tmp_path / "crops")))
    named = {cell for row in table for name, cell in row.items() if name.endswith(".crop")} - {""}
    assert named == {path.name for path in (tmp_path / "crops").iterdir()}
    assert stat.S_IMODE((tmp_path / "crops").stat().st_mode) == 0o700
    assert (tmp_path / "crops" / "000004.1.items.3.count.png").read_bytes() == b"4 items.3.count"


def test_export_lists_what_became_of_each_page(store: PageStore, tmp_path: Path) -> None:
    export(tmp_path, "table.csv", "--pages", str(tmp_path / "pages.csv"))
    listed = [(row["file"], row["page"], row["serial"], row["state"]) for row in rows(tmp_path / "pages.csv")]
    assert listed == [
        ("stack.pdf", "9", "", "bent"),
        ("stack.pdf", "1", "1", "read"),
        ("'=cmd|'/C calc'!A0.pdf", "2", "2", "read"),
        ("stack.pdf", "4", "4", "read"),
        ("stack.pdf", "44", "4", "duplicate"),
        ("stack.pdf", "5", "5", "unread_page"),
    ]
    assert (
        rows(tmp_path / "pages.csv")[4]["message"] == "expected each page once, got page 1 of form 4 as in stack.pdf:4"
    )


def test_export_lists_pages_that_are_missing(store: PageStore, tmp_path: Path) -> None:
    two = parse_template(example() + b"  - title: More\n")
    store.put_pages([form_page(7, "", template=two.digest)])
    write_pages(two, store, tmp_path / "pages.csv")
    assert [(row["file"], row["page"], row["state"]) for row in rows(tmp_path / "pages.csv")] == [
        *(("stack.pdf", "7", "unread_page"), ("-", "2", "missing_page")),
    ]


@pytest.fixture
def adopted(tmp_path: Path) -> None:
    """A copy on each of two variants of a page, put in any order; the third is not answered yet."""
    template = template_of(tmp_path, 1, 2)
    with open_page_store(f"sqlite:///{tmp_path / 'forms.db'}") as opened:
        for number, variant in ((2, 2), (3, 1), (1, 1)):
            page = adopted_page(template, number, variant)
            opened.put_pages([page])
            answers = {job_id: prediction(job_id, int(job_id[-1])) for job_id in job_ids_of(page)}
            if number != 3:
                opened.put_values({page.group: decide_page(template, page, answers)})


@pytest.mark.usefixtures("adopted")
def test_export_of_adopted_copies_has_a_row_of_each_page(tmp_path: Path) -> None:
    table = rows(export(tmp_path, "table.csv", "--pages", str(tmp_path / "pages.csv")))
    assert [(row["serial"], row["pages"]) for row in table] == [(str(n), f"stack.pdf:{n}") for n in (1, 2, 3)]
    assert [row["number"] for row in table] == ["1" * 9, "2" * 9, ""]
    assert [row["field2.reasons"] for row in table] == ["", "", "unread_page"]
    assert (table[0]["field2"], table[1]["decision"]) == ("1111", "accept")
    assert {cell for name, cell in table[1].items() if name.startswith("field2")} == {""}
    assert [row["number.crop"][:9] for row in table] == ["000001.1.", "000002.2.", ""]
    assert table[0]["number.box_mm"] != table[1]["number.box_mm"]
    states = [(row["page"], row["serial"], row["state"]) for row in rows(tmp_path / "pages.csv")]
    assert states == [("1", "1", "read"), ("2", "2", "read"), ("3", "3", "unread_page")]


@pytest.mark.usefixtures("adopted")
def test_export_of_adopted_copies_is_alike_in_each_format(tmp_path: Path) -> None:
    _, second, _ = map(json.loads, export(tmp_path, "table.jsonl").read_text().splitlines())
    assert (second["fields"]["number"]["value"], second["fields"]["field2"]["decision"]) == ("2" * 9, None)
    table = pq.read_table(export(tmp_path, "table.parquet"))
    assert table.column("number").to_pylist() == ["1" * 9, "2" * 9, ""]
    assert table.column_names == list(rows(export(tmp_path, "table.csv"))[0])


@pytest.mark.parametrize(("name", "more"), [("table.xlsx", []), ("table", []), ("table.jsonl", ["--excel"])])
def test_export_refuses_other_kinds_of_files(
    store: PageStore, tmp_path: Path, name: str, more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    forms = ["--template", str(tmp_path / "form.yaml"), "--forms", f"sqlite:///{tmp_path / 'forms.db'}"]
    assert cli.main(["form", "export", *forms, "-o", str(tmp_path / name), *more]) == 2
    assert f"got {name}; name another --output" in capsys.readouterr().err
    assert not (tmp_path / name).exists()


def test_export_into_a_file_as_folder_is_refused(
    store: PageStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forms = ["--template", str(tmp_path / "form.yaml"), "--forms", f"sqlite:///{tmp_path / 'forms.db'}"]
    (tmp_path / "file").touch()
    arguments = ["form", "export", *forms, "-o", str(tmp_path / "t.csv"), "--crops", str(tmp_path / "file")]
    assert cli.main(arguments) == 2
    assert "expected a folder at" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", [["export", "-o", "t.csv"], ["review", "-o", "look"], ["control", "-o", "key"], ["learn"]]
)
def test_commands_refuse_a_database_that_is_not_there(
    tmp_path: Path, command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "form.yaml").write_bytes(example())
    assert cli.main(["form", *command, "--template", "form.yaml", "--forms", "sqlite:///tabel.db"]) == 2
    assert "expected a database of forms in the file 'tabel.db', got no file" in capsys.readouterr().err
    assert not (tmp_path / "tabel.db").exists()


def test_export_tells_pages_of_another_version_of_the_form(
    store: PageStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = tmp_path / "changed.yaml"
    changed.write_bytes(example().replace(b"target_error: 0.0014", b"target_error: 0.0015"))
    forms = ["--forms", f"sqlite:///{tmp_path / 'forms.db'}", "-o", str(tmp_path / "t.csv")]
    assert cli.main(["form", "export", "--template", str(changed), *forms]) == 2
    assert "expected pages of this version of form INTK, got 6 pages of other versions" in capsys.readouterr().err
    # What is printed beside the boxes does not change what is read in them.
    changed.write_bytes(
        example().replace(b"label: Amount", b"label: Amount paid").replace(b"Membership intake", b"Intake")
    )
    assert cli.main(["form", "export", "--template", str(changed), *forms]) == 0
    assert "4 forms" in capsys.readouterr().out

"""`mmdigit form review`: a queue for people, and what they have filled in, line by line, any number of times."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mmdigit import cli
from mmdigit.forms.collecting.deciding import decide_page, job_ids_of
from mmdigit.forms.loading import load_template
from mmdigit.forms.reviewing.queue import COLUMNS, review_queue
from mmdigit.forms.store.ports import FieldRecord, PageStore
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.forms.template.parsing import example
from tests.mmdigit.forms.adopt.foreign import write_form
from tests.mmdigit.forms.store.kept import adopted_page, change, form_page, prediction
from tests.mmdigit.forms.written import TEMPLATE

Fill = Callable[[dict[str, str]], str]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PageStore]:
    """Form 1 has a member's number that is not valid, form 2 a valid one; dates and amounts of both are blank."""
    (tmp_path / "form.yaml").write_bytes(example())
    with open_page_store(f"sqlite:///{tmp_path / 'forms.db'}") as opened:
        for number, digits in {1: "12345675", 2: "12345674"}.items():
            page = form_page(number, digits)
            opened.put_pages([page])
            answers = {job_id: prediction(job_id, int(job_id[-1])) for job_id in job_ids_of(page)}
            opened.put_values({page.group: decide_page(TEMPLATE, page, answers)})
        yield opened


def run(folder: Path, *more: str) -> int:
    forms = ["--template", str(folder / "form.yaml"), "--forms", f"sqlite:///{folder / 'forms.db'}"]
    return cli.main(["form", "review", *forms, *more])


def queue(folder: Path) -> list[dict[str, str]]:
    with (folder / "queue.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def fill(folder: Path, value: Fill, name: str = "filled.csv", delimiter: str = ",") -> list[str]:
    rows = queue(folder / "q")
    with (folder / name).open("w", newline="", encoding="utf-8-sig") as file:
        table = csv.DictWriter(file, COLUMNS, delimiter=delimiter)
        table.writeheader()
        table.writerows({**row, "value": value(row)} for row in rows)
    return ["--corrections", str(folder / name), "--by", "Ada"]


def member(store: PageStore, number: int = 1) -> FieldRecord:
    return store.records([f"INTK.{number}"])[f"INTK.{number}"]["member"]


def test_review_writes_forms_that_need_least_first(
    store: PageStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "-o", str(tmp_path / "q")) == 0
    assert capsys.readouterr().out == f"5 fields to look at: {tmp_path / 'q' / 'queue.csv'}\n"
    rows = queue(tmp_path / "q")
    assert [(row["serial"], row["field"]) for row in rows] == [
        *(("2", "born"), ("2", "amount"), ("1", "member"), ("1", "born"), ("1", "amount"))
    ]
    assert (rows[2]["read"], rows[2]["reasons"], rows[2]["boxes"]) == ("12345675", "not_valid", "digits, 8")
    for row in rows:
        crop = tmp_path / "q" / row["crop"]
        assert crop.read_bytes() == f"{row['serial']} {row['field']}".encode()
    assert [field.slot.name for field in review_queue(store, TEMPLATE, 2)] == ["born", "amount"]


def test_line_ends_where_csv_ends_it(store: PageStore, tmp_path: Path) -> None:
    assert run(tmp_path, "-o", str(tmp_path / "q")) == 0
    filled = fill(tmp_path, lambda row: "\f12345674\x1e" if row["field"] == "member" else "")
    assert run(tmp_path, *filled) == 0
    assert member(store).text == "12345674"


def test_review_never_overwrites_a_queue(store: PageStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "-o", str(tmp_path / "q")) == 0
    (tmp_path / "q" / "queue.csv").write_text("somebody's work")
    assert run(tmp_path, "-o", str(tmp_path / "q")) == 2
    assert "expected no queue.csv yet" in capsys.readouterr().err
    assert (tmp_path / "q" / "queue.csv").read_text() == "somebody's work"


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_corrections_are_read_back_any_number_of_times(
    store: PageStore, tmp_path: Path, delimiter: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, "-o", str(tmp_path / "q"))
    values = {"member": "12345674", "born": "blank", "amount": ""}
    arguments = fill(tmp_path, lambda row: values[row["field"]], delimiter=delimiter)
    capsys.readouterr()
    assert run(tmp_path, *arguments) == 0
    assert capsys.readouterr().out == "3 corrections kept, 0 known already, 2 lines without a value, 0 refused\n"
    assert run(tmp_path, *arguments) == 0
    assert "0 corrections kept, 3 known already" in capsys.readouterr().out
    record = member(store)
    assert (record.text, record.value.text, record.decision, record.source) == (
        *("12345674", "12345675", "accept", "person"),
    )
    assert [(each.by, each.text) for each in record.changes] == [("Ada", "12345674")]
    assert [field.slot.name for field in review_queue(store, TEMPLATE, 9)] == ["amount", "amount"]


def test_lines_that_are_refused_hold_up_no_others(
    store: PageStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, "-o", str(tmp_path / "q"))
    values = {("1", "member"): "12345671", ("2", "born"): "1022024", ("1", "born"): "01022024"}
    arguments = fill(tmp_path, lambda row: values.get((row["serial"], row["field"]), ""))
    capsys.readouterr()
    assert run(tmp_path, *arguments) == 1
    printed = capsys.readouterr()
    assert "1 correction kept, 0 known already, 2 lines without a value, 2 refused" in printed.out
    assert "filled.csv, line 2, born: expected 8 digits" in printed.err
    assert "filled.csv, line 4, member: expected a value that passes its checks (luhn)" in printed.err
    assert member(store).source == "model"


def test_ok_keeps_the_value_that_was_read(store: PageStore, tmp_path: Path) -> None:
    run(tmp_path, "-o", str(tmp_path / "q"))
    assert run(tmp_path, *fill(tmp_path, lambda row: "OK" if row["field"] == "member" else "")) == 0
    assert (member(store).text, member(store).source, member(store).reasons) == ("12345675", "person", ())


def test_field_that_somebody_has_changed_since_is_told(
    store: PageStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, "-o", str(tmp_path / "q"))
    store.put_changes([change("12345682", by="Bo")])
    assert run(tmp_path, *fill(tmp_path, lambda row: "12345674" if row["field"] == "member" else "")) == 1
    assert "somebody has changed it since" in capsys.readouterr().err
    assert member(store).text == "12345682"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "expected the columns id and value"),
        (b"id,value,value\n", "expected the columns id and value"),
        (b"id,value\nINTK.1:member,\"" + b"x" * 200_000 + b"\"\n", "expected a CSV table"),
        (b"\xff\xfe\x00garbage", "expected the columns id and value"),
    ],
)  # fmt: skip
def test_file_that_is_no_queue_is_refused(
    store: PageStore, tmp_path: Path, content: bytes, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.csv").write_bytes(content)
    assert run(tmp_path, "--corrections", str(tmp_path / "bad.csv"), "--by", "Ada") == 2
    assert why in capsys.readouterr().err


def test_line_of_another_database_is_refused(
    store: PageStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.csv").write_text("id,value,seen\nINTK.9:member,1,0\nINTK.1:\x1b[2J,1,0\nINTK.1:member,ok,x\n\n")
    assert run(tmp_path, "--corrections", str(tmp_path / "bad.csv"), "--by", "Ada") == 1
    printed = capsys.readouterr()
    assert printed.err.count("expected a field of this queue") == 2
    assert "\x1b" not in printed.err
    assert "line 4, member: expected the field as it was" in printed.err


def test_review_wants_one_of_its_two_uses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path) == 2
    assert run(tmp_path, "--corrections", "q.csv") == 2
    said = capsys.readouterr().err
    assert "expected --output or else --corrections" in said
    assert "expected --corrections and --by together" in said


def test_answers_are_checked_by_the_field_of_their_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    form = write_form(tmp_path, 1, 2)
    first, second = form.read_text().split("title: Page 2")
    form.write_text(f"{first}title: Page 2{second.replace('type: digits', 'type: decimal')}")
    template = load_template(form)
    with open_page_store(f"sqlite:///{tmp_path / 'forms.db'}") as store:
        pages = [adopted_page(template, number, number) for number in (1, 2)]
        store.put_pages(pages)
        for page in pages:
            answers = {job_id: prediction(job_id, 1, 0.5) for job_id in job_ids_of(page)}
            store.put_values({page.group: decide_page(template, page, answers)})
    run(tmp_path, "-o", str(tmp_path / "q"))
    capsys.readouterr()
    arguments = fill(tmp_path, lambda row: "1234567.89" if row["field"] == "number" else "")
    assert run(tmp_path, *arguments) == 1
    printed = capsys.readouterr()
    assert "1 correction kept, 0 known already, 1 lines without a value, 1 refused" in printed.out
    assert "number: expected 9 digits" in printed.err

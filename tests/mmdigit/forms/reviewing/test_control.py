"""`mmdigit form control`: a blind sample of accepted fields, and the error that it shows."""

import csv
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mmdigit import cli
from mmdigit.forms.collecting.deciding import decide_page, job_ids_of
from mmdigit.forms.reviewing.control import ControlledWeek, controlled_weeks, is_wrong, target_of, together, week_of
from mmdigit.forms.reviewing.queue import BLIND_COLUMNS
from mmdigit.forms.reviewing.sampling import is_drawn
from mmdigit.forms.store.ports import FieldRecord, PageStore
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.forms.table.rows import named_slots
from mmdigit.forms.template.parsing import example
from mmdigit.reading.error_bounds import error_bound
from tests.mmdigit.forms.store.kept import change, form_page, prediction, value
from tests.mmdigit.forms.written import TEMPLATE

SHARE = ["--share", "0.5", "--seed", "3"]
MEMBER = "12345674"
FIELDS = [slot.name for _, slot in named_slots(TEMPLATE)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PageStore]:
    """Twenty forms with the same valid member's number."""
    (tmp_path / "form.yaml").write_bytes(example())
    with open_page_store(f"sqlite:///{tmp_path / 'forms.db'}") as opened:
        for number in range(1, 21):
            page = form_page(number, MEMBER)
            opened.put_pages([page])
            answers = {job_id: prediction(job_id, int(job_id[-1])) for job_id in job_ids_of(page)}
            opened.put_values({page.group: decide_page(TEMPLATE, page, answers)})
        yield opened


def run(folder: Path, *more: str, share: list[str] = SHARE) -> int:
    forms = ["--template", str(folder / "form.yaml"), "--forms", f"sqlite:///{folder / 'forms.db'}"]
    return cli.main(["form", "control", *forms, *share, *more])


def queue(folder: Path) -> list[dict[str, str]]:
    with (folder / "queue.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def keyed(folder: Path, key: Callable[[dict[str, str]], str]) -> list[str]:
    rows = queue(folder / "q")
    with (folder / "keyed.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, BLIND_COLUMNS)
        table.writeheader()
        table.writerows({**row, "value": key(row)} for row in rows)
    return ["--keyed", str(folder / "keyed.csv"), "--by", "Ada"]


def right(row: dict[str, str]) -> str:
    return MEMBER if row["field"] == "member" else "true" if row["field"] == "consent" else "blank"


def test_control_draws_blindly_and_the_same_again(store: PageStore, tmp_path: Path) -> None:
    assert run(tmp_path, "-o", str(tmp_path / "q")) == 0
    rows = queue(tmp_path / "q")
    assert MEMBER not in (tmp_path / "q" / "queue.csv").read_text()
    assert list(rows[0]) == list(BLIND_COLUMNS)
    drawn = {tuple(row["id"].split(":")) for row in rows}
    accepted = [(f"INTK.{number}", name) for number in range(1, 21) for name in ("member", "consent", "arrived")]
    assert {field for field in accepted if is_drawn(3, 0.5, *field)} <= drawn
    assert not {name for _, name in drawn} & {"born", "amount"}
    assert all(is_drawn(3, 0.5, group, name) for group, name in drawn)
    assert all((tmp_path / "q" / row["crop"]).is_file() for row in rows)
    assert run(tmp_path, "-o", str(tmp_path / "again")) == 0
    assert queue(tmp_path / "again") == rows
    assert run(tmp_path, "-o", str(tmp_path / "some"), "-n", "5") == 0
    assert queue(tmp_path / "some") == rows[:5]
    assert rows != sorted(rows, key=lambda row: int(row["serial"]))


def test_keyed_values_show_the_error(store: PageStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, "-o", str(tmp_path / "q"))
    rows = queue(tmp_path / "q")
    wrong = next(row for row in rows if row["field"] == "member")
    arguments = keyed(tmp_path, lambda row: "12345682" if row == wrong else right(row))
    capsys.readouterr()
    assert run(tmp_path, *arguments) == 0
    written = sum(right(row) != "blank" for row in rows)
    assert 0 < written < len(rows)
    bound = 100 * error_bound(1, written)
    said = (
        f"2026-W48: {written:,} accepted fields controlled that are not blank, 1 wrong (1 not yet confirmed); "
        f"of all such fields at most {bound:.3g} % are wrong (95 %), target 0.14 %\n"
    )
    kept = f"{len(rows)} values kept, 0 known already, 0 lines without a value, 0 refused\n"
    assert capsys.readouterr().out == f"{kept}{said}"
    assert run(tmp_path, *arguments) == 0
    assert f"0 values kept, {len(rows)} known already" in capsys.readouterr().out
    record = store.records([wrong["id"].split(":")[0]])[wrong["id"].split(":")[0]]["member"]
    assert (record.text, record.decision, record.reasons) == (MEMBER, "review", ("control_differs",))
    assert record.control is not None
    assert record.control.share == 0.5
    forms = ["--template", str(tmp_path / "form.yaml"), "--forms", f"sqlite:///{tmp_path / 'forms.db'}"]
    assert cli.main(["form", "export", *forms, "-o", str(tmp_path / "t.csv")]) == 0
    assert said in capsys.readouterr().out
    run(tmp_path, "-o", str(tmp_path / "done"))
    assert queue(tmp_path / "done") == []


def test_fields_outside_the_sample_are_refused(
    store: PageStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, "-o", str(tmp_path / "q"))
    arguments = keyed(tmp_path, right)
    assert run(tmp_path, *arguments, share=["--share", "0.0001", "--seed", "3"]) == 1
    printed = capsys.readouterr()
    assert "0 values kept" in printed.out
    assert "expected a field of this queue" in printed.err


def test_zeros_before_an_amount_make_no_difference(store: PageStore, tmp_path: Path) -> None:
    amounts = [value("amount", "0012.50") if name == "amount" else value(name, "") for name in FIELDS]
    store.put_pages([form_page(30)])
    store.put_values({"INTK.30": amounts})
    (tmp_path / "keyed.csv").write_text('id,value\nINTK.30:amount,"12,5"\n')
    assert run(tmp_path, "--keyed", str(tmp_path / "keyed.csv"), "--by", "Bo", share=["--share", "1"]) == 0
    assert store.records(["INTK.30"])["INTK.30"]["amount"].decision == "accept"


def test_ok_is_no_value_for_who_keys_blindly(
    store: PageStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, "-o", str(tmp_path / "q"))
    assert run(tmp_path, *keyed(tmp_path, lambda row: "ok" if row["field"] == "member" else "")) == 1
    assert "expected 8 digits" in capsys.readouterr().err


def test_correction_settles_who_was_wrong() -> None:
    differs = change("0013", "control").change
    assert not is_wrong(FieldRecord(value(), (change("0012", "control").change,)))
    assert is_wrong(FieldRecord(value(), (differs,)))
    assert not is_wrong(FieldRecord(value(), (differs, change("0012").change)))
    assert is_wrong(FieldRecord(value(), (change("0012", "control").change, change("0014").change)))


def test_blank_fields_count_only_if_one_of_both_sees_writing() -> None:
    said = {text: change(text, "control").change for text in ("", "0012")}
    records = [FieldRecord(value(text=read), (said[keyed],)) for read in said for keyed in said]
    [week] = controlled_weeks([(form_page(1), record) for record in records], TEMPLATE)
    assert (week.keyed, week.wrong) == (3, 2)


def test_weeks_are_iso_weeks() -> None:
    assert week_of(datetime(2027, 1, 1, tzinfo=UTC)) == "2026-W53"
    record = FieldRecord(value(), (change("0012", "control").change,))
    pages = [form_page(1, received_at=datetime(2027, 1, day, tzinfo=UTC)) for day in (4, 3, 3)]
    weeks = controlled_weeks([(page, record) for page in pages], TEMPLATE)
    assert [(week.week, week.keyed, week.wrong) for week in weeks] == [("2026-W53", 2, 0), ("2027-W01", 1, 0)]
    assert weeks[0].target == target_of(TEMPLATE) == pytest.approx(0.0014)
    assert ControlledWeek("w", 0, 0, 0.1).bound == 1.0
    assert controlled_weeks([], TEMPLATE) == []


def test_together_is_one_of_several_weeks() -> None:
    weeks = [ControlledWeek("2026-W47", 100, 1, 0.001, 1), ControlledWeek("2026-W48", 300, 0, 0.002)]
    both = together(weeks)
    assert both is not None
    assert (both.week, both.keyed, both.wrong, both.unconfirmed) == ("2026-W47/2026-W48", 400, 1, 1)
    assert "400 accepted fields controlled that are not blank, 1 wrong (1 not yet confirmed); of all" in both.described
    assert both.target == pytest.approx(0.00175)
    assert together(weeks[:1]) == weeks[0]
    assert together([]) is None

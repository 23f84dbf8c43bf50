"""form.yaml: what it may say, and that each mistake is told with its line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdigit.forms.template import schema
from mmdigit.forms.template.layout import slots_of
from mmdigit.forms.template.parsing import parse_template
from mmdigit.forms.template.template import Template
from schemas.errors import DataError
from tests.mmdigit.forms.written import FREE_FORM

EXAMPLE = Path(schema.__file__).with_name("example.yaml")
TEXT = EXAMPLE.read_text()


def test_example_is_a_valid_template() -> None:
    template = parse_template(EXAMPLE.read_bytes())
    assert template.form == "INTK"
    names = [slot.name for slot in slots_of(template, 0)]
    assert names[:2] == ["member", "born"]
    assert names[-1] == "items.8.count"


@pytest.mark.parametrize(
    ("was", "now", "line", "message"),
    [
        ("count: 8", "count: 1000000000", 22, "expected less than or equal to 32, got 1000000000"),
        ("name: born", "name: serial", 26, "expected a name that is no column of every table, got serial; rename it"),
        ("name: born", "name: Member", 26, "in any case of letters, got Member again; rename one"),
        ("label: Date of birth", 'label: "\\ud800" #', 27, "expected whole characters, got half of a pair"),
        ("[25, 74]", "[25, 60]", 26, "expected boxes apart, got born over member"),
        ("[25, 94]", "[8, 8]", 45, "where a marker is, got consent; move it"),
        ("[25, 94]", "[160, 10]", 45, "where the QR code is, got consent; move it"),
        ("[25, 54]", "[195, 54]", 15, "expected boxes within 5-205 x 5-292 mm, got member"),
        ("name: born", "nam: born", 26, "expected a known key, got nam; correct or remove it"),
        ("name: born", "label: x", 27, "expected each key once, got label again"),
        ("name: born", "name: member", 26, "expected each name once, in any case of letters, got member again"),
        ("type: time", "type: tim", 35, "expected 'digits', 'date', 'decimal', 'time' or 'check', got \"tim\""),
        ("decimals: 2", "decimals: 6", 39, "expected more boxes than decimals, got 6 and 6"),
        ("pitch_mm: 8,", "pitch_mm: 6,", 26, "expected pitch_mm of at least the width 7, got 6"),
        ("pitch_mm: 8, count: 4", "pitch_mm: 8, count: 5", 33, "expected boxes.count 4 for a time, got 5"),
        ("form: INTK", "form: intake", 5, "form: expected text of the pattern '^[A-Z0-9]{4}$', got \"intake\""),
        ("form: INTK", "form: &a INTK", 5, "expected no alias or anchor"),
        ("form: INTK", "form: *a", 5, "expected no alias or anchor"),
        ("form: INTK", "form: !!python/name:os.system INTK", 5, "expected no tag"),
        ("version: 1 ", "version: 2 ", 4, "expected 1, got 2"),
        ("blank: accept", "blank: accept\n        spoken: true", 38, "expected 'no', 'optional' or 'required'"),
        ("at_mm: [25, 54]", "at_mm: [.inf, 54]", 19, "got \".inf\""),
        ("paper: A4", "paper: [1e9, 1e9]", 7, "expected less than or equal to 450"),
    ],
)  # fmt: skip
def test_parse_template_names_line_and_field_of_a_mistake(was: str, now: str, line: int, message: str) -> None:
    assert was in TEXT
    with pytest.raises(DataError) as caught:
        parse_template(TEXT.replace(was, now, 1).encode())
    first = str(caught.value).splitlines()[0]
    assert message in first
    assert first.startswith(f"form.yaml, line {line}: ")


def test_parse_template_refuses_too_many_boxes_on_a_page() -> None:
    text = (
        TEXT.replace("rows: 8", "rows: 100").replace("pitch_mm: 12", "pitch_mm: 3").replace("count: 6}", "count: 20}")
    )
    with pytest.raises(DataError, match="expected at most 2000 boxes on a page, got 2341"):
        parse_template(text.replace("count: 6}", "count: 20}").encode())


def test_digest_changes_with_any_value() -> None:
    changed = parse_template(TEXT.replace("[25, 54]", "[25, 54.5]").encode())
    assert changed.digest != parse_template(EXAMPLE.read_bytes()).digest
    assert Template.model_validate_json(changed.model_dump_json()).digest == changed.digest


def test_free_field_is_one_box_and_another_digest() -> None:
    boxed, free = parse_template(EXAMPLE.read_bytes()), parse_template(FREE_FORM)
    assert (boxed.has_free_fields, free.has_free_fields) == (False, True)
    [one], boxes = slots_of(free, 0)[0].boxes, slots_of(boxed, 0)[0].boxes
    assert one == (boxes[0].left, boxes[0].top, boxes[-1].right, boxes[-1].bottom)
    assert free.digest != boxed.digest
    assert Template.model_validate_json(free.model_dump_json()) == free


def test_adopted_form_has_no_free_fields() -> None:
    blank = b"blank: {file: a.pdf, sha256: " + b"0" * 64 + b"}\npages:"
    with pytest.raises(DataError, match=r"line 16: expected boxes in a form that somebody else printed, got free"):
        parse_template(FREE_FORM.replace(b"pages:", blank))


def test_how_many_people_key_makes_no_other_digest() -> None:
    changed = parse_template(TEXT.replace("blank: accept", "blank: accept\n        keyed_by: 2", 1).encode())
    assert [field.keyed_by for field in changed.pages[0].fields] == [1, 1, 2, 1, 1]
    assert changed.digest == parse_template(EXAMPLE.read_bytes()).digest == "60a073f3760e5cf6"
    with pytest.raises(DataError, match="keyed_by: expected 1 or 2, got 3"):
        parse_template(TEXT.replace("blank: accept", "blank: accept\n        keyed_by: 3", 1).encode())


LOOKED_UP = TEXT.replace("validators: [luhn] ", "lookup: members.txt #").encode()


def test_template_without_its_lookup_file_reads_nothing() -> None:
    with pytest.raises(RuntimeError, match=r"expected the values of members\.txt"):
        _ = parse_template(LOOKED_UP).pages[0].fields[0].listed


def test_schema_file_equals_the_models() -> None:
    assert schema.SCHEMA.read_text() == schema.schema_text(), "run `python -m mmdigit.forms.template.schema`"


@given(st.binary(max_size=300))
def test_parse_template_takes_any_bytes(content: bytes) -> None:
    with pytest.raises(DataError):
        parse_template(content)


MARKS = st.sampled_from("[]{}:-#*&!|>'\"\\ \n\t,?@%0189aeé\x00")


@given(st.integers(0, len(TEXT)), st.integers(0, 30), st.text(MARKS, max_size=20))
def test_parse_template_takes_any_change(start: int, removed: int, inserted: str) -> None:
    try:
        template = parse_template((TEXT[:start] + inserted + TEXT[start + removed :]).encode())
    except DataError:
        return
    assert sum(len(slot.boxes) for page in range(len(template.pages)) for slot in slots_of(template, page)) <= 4000

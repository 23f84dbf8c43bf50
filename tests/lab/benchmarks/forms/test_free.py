"""The figures of free fields."""

from lab.benchmarks.forms.free import FORM, figures, table
from mmdigit.forms.template.parsing import parse_template


def row(right: bool, accepted: bool, *reasons: str) -> dict[str, object]:
    return {"right": right, "accepted": accepted, "reasons": reasons, "written": "47", "read": "47" if right else "41"}


def test_form_has_fields_of_each_length_with_and_without_checks() -> None:
    fields = parse_template(FORM.encode()).pages[0].fields
    assert all(field.free for field in fields)
    for checked in (False, True):
        counts = [field.boxes.count for field in fields if bool(field.validators) == checked]
        assert sorted(counts) == [4, 4, 5, 5, 6, 6, 7, 7, 8, 8]


def test_right_accepted_and_wrong_are_counted() -> None:
    found = figures([row(True, True), row(False, True), row(False, False, "touching")])
    assert (found["fields"], found["right"], found["accepted"], found["wrong_accepted"]) == (3, 1, 2, 1)
    assert (found["reasons"], found["accepted_wrong"]) == ({"touching": 1}, [{"written": "47", "read": "41"}])
    lines = table({"plain": found, "check digit": figures([]), "kinds": {"fax": figures([])}}).splitlines()
    assert lines[2].startswith("| no check | 3 | 33.3 %")
    assert lines[3].endswith("| 0 of 0, at most 100.00 % |")
    assert lines[4].startswith("| fax | 0 |")

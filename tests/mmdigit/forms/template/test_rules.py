"""Ranges, IBANs, lookup files and sums: each mistake is told with its line."""

import pytest

from mmdigit.forms.template import rules
from mmdigit.forms.template.parsing import parse_template
from schemas.errors import DataError

BOXES = "boxes: {at_mm: [25, 54], size_mm: [5, 7], pitch_mm: 6, count: COUNT}"
HEAD = b"version: 1\nform: RULE\npages:\n  - fields:\n"
PAGE = b"""version: 1
form: RULE
pages:
  - fields:
      - {name: a, boxes: {at_mm: [25, 54], size_mm: [5, 7], pitch_mm: 6, count: 4}}
      - {name: b, boxes: {at_mm: [25, 64], size_mm: [5, 7], pitch_mm: 6, count: 4}}
      - {name: t, boxes: {at_mm: [25, 74], size_mm: [5, 7], pitch_mm: 6, count: 5}}
      - {name: c, type: check, boxes: {at_mm: [25, 84], size_mm: [5, 7], pitch_mm: 6, count: 1}}
    records:
      - {name: items, rows: 9, pitch_mm: 9, fields: [
          {name: x, type: decimal, boxes: {at_mm: [25, 94], size_mm: [5, 7], pitch_mm: 6, count: 4}}]}
    sums:
"""


def told(content: bytes) -> str:
    with pytest.raises(DataError) as caught:
        parse_template(content)
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "count", "rule", "why"),
    [
        ("digits", 4, "range: {min: 5}", '5: pages.0.fields.0.range.min: expected quotes, so that it is taken as it is '
                                         'written, got 5; write "5"'),
        ("digits", 4, 'range: {min: "1.5"}', "5: expected a value like '500' in a range of type digits, got '1.5'"),
        ("digits", 4, 'range: {min: "9", max: "10"}', None),
        ("digits", 4, 'range: {min: "10", max: "9"}', "5: expected min of at most max, got 10 and 9; swap them"),
        ("digits", 4, "range: {}", "5: expected min, max or both in a range"),
        ("digits", 4, 'range: {least: "1"}', "5: pages.0.fields.0.range.least: expected a known key"),
        ("decimal", 4, 'range: {max: "12.5"}', None),
        ("decimal", 4, 'range: {max: "12.505"}', "5: expected a value like '12.50' in a range of type decimal"),
        ("decimal", 4, 'range: {max: "1e9"}', "5: expected a value like '12.50'"),
        ("date", 8, 'range: {min: "1940-01-01"}', None),
        ("date", 8, 'range: {min: "1940-02-30"}', "5: expected a value like '1940-01-01' in a range of type date"),
        ("date", 8, 'range: {min: "01.01.1940"}', "5: expected a value like '1940-01-01'"),
        ("time", 4, 'range: {min: "08:30", max: "18:00"}', None),
        ("time", 4, 'range: {min: "24:00"}', "5: expected a value like '08:30' in a range of type time"),
        ("check", 1, 'range: {min: "1"}', "5: expected no range of type check"),
        ("digits", 20, "iban: DE", None),
        ("digits", 8, "iban: DE", "5: expected boxes.count 20 for an IBAN of DE, got 8; change the count"),
        ("digits", 25, "iban: FR", "5: expected a country whose IBANs hold digits alone, like AT, DE or ES, got FR"),
        ("digits", 8, "iban: XX", "5: expected a country whose IBANs hold digits alone"),
        ("date", 8, "iban: DE", "5: pages.0.fields.0: expected iban for digits alone, got some for a date"),
        ("time", 4, "lookup: a.txt", "5: pages.0.fields.0: expected lookup for digits alone"),
        ("digits", 4, "lookup: a.txt", None),
        ("digits", 4, "free: true", None),
        ("date", 8, "free: true", "5: pages.0.fields.0: expected free: true for digits alone, got a date"),
        ("digits", 4, "free: true, spoken: optional", "5: pages.0.fields.0: expected spoken: no for a free field"),
        ("digits", 4, "free: 1", "5: pages.0.fields.0.free: expected"),
        ("digits", 4, "lookup: ../a.txt", "5: pages.0.fields.0.lookup: expected"),
        ("digits", 4, "lookup: /etc/passwd", "5: pages.0.fields.0.lookup: expected"),
    ],
)  # fmt: skip
def test_rules_of_a_field_name_their_line(kind: str, count: int, rule: str, why: str | None) -> None:
    field = f"      - {{name: f, type: {kind}, {rule}, {BOXES.replace('COUNT', str(count))}}}\n"
    content = HEAD + field.replace("5, 7], pitch_mm: 6", "5, 7], pitch_mm: 5.5").encode()
    if why is None:
        parse_template(content)
    else:
        assert told(content).startswith(f"form.yaml, line {why}")


@pytest.mark.parametrize(
    ("sums", "why"),
    [
        ("{total: t, of: [a, b]}", None),
        ("{total: t, of: [a, items.x]}", None),
        ("{total: b, of: [items.x]}\n      - {total: t, of: [a, b]}", None),
        ("{total: z, of: [a]}", "13: expected a field of this page, got z; correct it"),
        ("{total: items.x, of: [a]}", "13: pages.0.sums.0.total: expected"),
        ("{total: t, of: [a, items.y]}", "13: expected fields or columns of this page like items.amount, got items.y"),
        ("{total: t, of: items.x}", '13: pages.0.sums.0.of: expected a valid array, got "items.x"'),
        ("{total: t, of: []}", "13: pages.0.sums.0.of: expected"),
        ("{total: t, of: [a, c]}", "13: expected digits or decimals in a sum, got c, a check; remove it"),
        ("{total: t, of: [a, a]}", "13: expected each field as a part of one sum, got a again; remove it"),
        ("{total: t, of: [a, t]}", "13: expected the sum of t before the one it is a part of"),
        ("{total: t, of: [a]}\n      - {total: t, of: [b]}", "14: expected each field as the total of one sum, got t"),
        ("{total: t, of: [a, b]}\n      - {total: b, of: [items.x]}", "14: expected the sum of b before"),
    ],
)
def test_sums_name_their_line(sums: str, why: str | None) -> None:
    content = PAGE + f"      - {sums}\n".encode()
    if why is None:
        parse_template(content)
    else:
        assert told(content).startswith(f"form.yaml, line {why}")


def test_sum_and_lookup_files_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_SUMMED", 9)
    assert "expected at most 9 fields in a sum, got 10" in told(PAGE + b"      - {total: t, of: [a, items.x]}\n")
    monkeypatch.setattr(rules, "MAX_LOOKUPS", 1)
    two = PAGE.replace(b"name: a,", b"name: a, lookup: a,").replace(b"name: b,", b"name: b, lookup: b,")
    assert "line 6: expected at most 1 lookup files" in told(two + b"      - {total: t, of: [a]}\n")


def test_free_fields_of_a_page_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    free = PAGE.replace(b"type: decimal,", b"free: true,").replace(b"    sums:\n", b"")
    parse_template(free)
    monkeypatch.setattr(rules, "MAX_FREE", 8)
    assert "expected at most 8 free fields on a page, got 9; print boxes" in told(free)

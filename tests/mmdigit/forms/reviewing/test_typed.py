"""What people may type for each kind of field, and what is refused with what to do."""

import pytest

from mmdigit.forms.reviewing.typed import same_value, typed_value
from mmdigit.forms.template.template import Boxes, FormField
from tests.mmdigit.forms.written import listed_field

COUNTS = {"date": 8, "time": 4, "decimal": 6, "check": 1}


def field(kind: str = "digits", **settings: object) -> FormField:
    count = settings.pop("count", COUNTS.get(kind, 8))
    boxes = Boxes(at_mm=(20.0, 40.0), size_mm=(7.0, 9.0), pitch_mm=8.0, count=count)  # type: ignore[arg-type]
    return FormField.model_validate({"name": "f", "type": kind, "boxes": boxes, **settings})


BORN, FEE = {"min": "1940-01-01", "max": "2026-12-31"}, {"max": "12.50"}
LISTED = listed_field(field(lookup="members.txt"), "12345674", "79927398")


@pytest.mark.parametrize(
    ("where", "typed", "text"),
    [
        (field(), "00123456", "00123456"),
        (field(), " '00123456 ", "00123456"),
        (field(), "__123456", "123456"),
        (field(), "blank", ""),
        (field(validators=("luhn",)), "12345674", "12345674"),
        (field(validators=("luhn",)), "!12345675", "12345675"),
        (field(validators=("luhn",)), "1234567_", "1234567"),
        (field("date"), "29022024", "2024-02-29"),
        (field("date"), "29.02.2024", "2024-02-29"),
        (field("date"), "2024-02-29", "2024-02-29"),
        (field("date", date_format="DDMMYY", count=6), "2069-12-31", "2069-12-31"),
        (field("date"), "!31022024", "31022024"),
        (field("date"), "__022024", "022024"),
        (field("date", range=BORN), "2026-12-31", "2026-12-31"),
        (field("decimal", range=FEE), "12.5", "12.50"),
        (field("decimal", range=FEE), "!12.55", "12.55"),
        (field(count=20, iban="DE"), "89370400440532013000", "89370400440532013000"),
        (LISTED, "12345674", "12345674"),
        (LISTED, "!12345675", "12345675"),
        (field("time"), "2359", "23:59"),
        (field("time"), "23:59", "23:59"),
        (field("decimal"), "12,5", "12.50"),
        (field("decimal"), "0012.50", "12.50"),
        (field("decimal"), "12", "12.00"),
        (field("decimal"), "BLANK", ""),
        (field("check"), "x", "true"),
        (field("check"), "FALSE", "false"),
        (field("check"), "blank", "false"),
    ],
)
def test_typed_value_is_as_the_table_shows_it(where: FormField, typed: str, text: str) -> None:
    assert typed_value(where, typed) == text


@pytest.mark.parametrize(
    ("where", "typed", "why"),
    [
        (field(), "123456", "spreadsheets drop leading zeros"),
        (field(), "0012345a", "expected 8 digits"),
        (field(), "=1+1", "expected 8 digits"),
        (field(), "٠٠١٢٣٤٥٦", "expected 8 digits"),
        (field(), "1.23E+07", "expected 8 digits"),
        (field(validators=("luhn",)), "12345675", "(luhn), got '12345675'; correct it, or type !12345675"),
        (field("date"), "29022023", "passes its checks (a date)"),
        (field("date"), "29/02/2024", "or a date as 2024-02-29"),
        (field("date", date_format="MMDDYYYY"), "02.29.2024", "or a date as 2024-02-29"),
        (field(), "123456789", "got '123456789'; correct it"),
        (field("date"), "2023-02-29", "a day that the form can hold"),
        (field("date", date_format="DDMMYY", count=6), "1969-12-31", "a day that the form can hold"),
        (field("time"), "24:00", "passes its checks (a time)"),
        (field("date", range=BORN), "2027-01-01", "(a date and from 1940-01-01 to 2026-12-31)"),
        (field("decimal", range=FEE), "12.55", "(to 12.50), got '12.55'; correct it, or type !12.55"),
        (field("decimal", range=FEE), "13", "(to 12.50)"),
        (field(count=20, iban="DE"), "89370400440532013001", "(an IBAN of DE)"),
        (LISTED, "12345675", "(a value of members.txt)"),
        (field("decimal"), "12345.00", "at most 4 digits"),
        (field("decimal"), "1.234", "at most 4 digits, a point and 2 digits"),
        (field("decimal"), "-1.00", "expected an amount"),
        (field("check"), "maybe\x1b[2J", "expected true or false, got 'maybe\\\\x1b[2J'"),
    ],
)  # fmt: skip
def test_typed_value_refuses_what_may_mean_something_else(where: FormField, typed: str, why: str) -> None:
    with pytest.raises(ValueError, match="^expected .*; ") as caught:  # noqa: RUF043
        typed_value(where, typed)
    assert why in str(caught.value)


def test_same_value_knows_which_zeros_matter() -> None:
    assert same_value(field("decimal"), "0012.50", "12.50")
    assert not same_value(field("decimal"), "", "0.00")
    assert not same_value(field(), "00123456", "123456")

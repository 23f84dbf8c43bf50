"""Whether a field's digits can be a value of its kind: check digits by python-stdnum, dates and times by themselves."""

import datetime
from collections.abc import Callable, Sequence
from types import ModuleType

from stdnum import damm, ean, isbn, luhn, verhoeff
from stdnum.iso7064 import mod_11_10, mod_97_10

from mmdigit.forms.template import FormField, Validator

_CHECKS: dict[Validator, ModuleType] = {
    "luhn": luhn,
    "verhoeff": verhoeff,
    "damm": damm,
    "ean": ean,
    "isbn": isbn,
    "mod_97_10": mod_97_10,
    "mod_11_10": mod_11_10,
}


def checks_of(field: FormField) -> Sequence[Callable[[str], bool]]:
    """Each check that a field's digits, as they are written, have to pass; none for most fields."""
    if field.type == "date":
        return (lambda digits: date_of(digits, field.date_format) is not None,)
    if field.type == "time":
        return (lambda digits: int(digits[:2]) < 24 and int(digits[2:]) < 60,)
    return [_CHECKS[name].is_valid for name in field.validators]


def date_of(digits: str, date_format: str) -> datetime.date | None:
    """The date that the digits stand for; None if there is no such day. Two digits of a year are of 1970 to 2069."""
    day, month = (int(_part(digits, date_format, letter)) for letter in "DM")
    year = int(_part(digits, date_format, "Y"))
    if "YYYY" not in date_format:
        year += 2000 if year < 70 else 1900
    try:
        return datetime.date(year, month, day)
    except ValueError:
        return None


def _part(digits: str, date_format: str, letter: str) -> str:
    return "".join(digit for digit, each in zip(digits, date_format, strict=True) if each == letter)

"""Whether a field's digits can be a value of its kind: check digits by python-stdnum, ranges and lists, dates and times
by themselves."""

import datetime
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from types import ModuleType

from stdnum import damm, ean, iban, isbn, luhn, numdb, verhoeff
from stdnum.iso7064 import mod_11_10, mod_97_10

from mmdigit.forms.template.template import FormField, Validator

_CHECKS: dict[Validator, ModuleType] = {
    "luhn": luhn,
    "verhoeff": verhoeff,
    "damm": damm,
    "ean": ean,
    "isbn": isbn,
    "mod_97_10": mod_97_10,
    "mod_11_10": mod_11_10,
}
_WRITTEN = {"digits": "500", "decimal": "12.50", "date": "1940-01-01", "time": "08:30"}
"""How a range names a value of each type."""


def checks_of(field: FormField) -> Sequence[Callable[[str], bool]]:
    """Each check that a field's digits, as they are written, have to pass; none for most fields."""
    checks: list[Callable[[str], bool]] = [_CHECKS[name].is_valid for name in field.validators]
    if field.type == "date":
        checks.append(lambda digits: date_of(digits, field.date_format) is not None)
    if field.type == "time":
        checks.append(lambda digits: int(digits[:2]) < 24 and int(digits[2:]) < 60)
    if field.iban is not None:
        country = field.iban
        checks.append(lambda digits: iban.is_valid(country + digits))
    if field.range is not None:
        low, high = (None if end is None else bound_of(field, end) for end in (field.range.min, field.range.max))
        checks.append(lambda digits: _within(low, _shown_as_bound(field, digits), high))
    if field.listed is not None:
        checks.append(field.listed.__contains__)
    return checks


def described_checks(field: FormField) -> str:
    """The checks of a field in words, for a message."""
    words: list[str] = list(field.validators)
    if field.type in ("date", "time"):
        words.append(f"a {field.type}")
    if field.iban is not None:
        words.append(f"an IBAN of {field.iban}")
    if field.range is not None:
        ends = {"from": field.range.min, "to": field.range.max}
        words.append(" ".join(f"{word} {end}" for word, end in ends.items() if end is not None))
    if field.lookup is not None:
        words.append(f"a value of {field.lookup}")
    return " and ".join(words)


def bound_of(field: FormField, text: str) -> Decimal | str:
    """An end of a field's range, to be compared with others of the field. Raises ValueError if it is none."""
    wanted = f"expected a value like {_WRITTEN.get(field.type)!r} in a range of type {field.type}, got {text!r}"
    if field.type in ("digits", "decimal"):
        most = decimals_of(field)
        if re.fullmatch(rf"[0-9]+(\.[0-9]{{1,{most}}})?" if most else r"[0-9]+", text, re.ASCII) is None:
            raise ValueError(f"{wanted}; correct it")
        return Decimal(text)
    pattern = {"date": r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "time": r"([01][0-9]|2[0-3]):[0-5][0-9]"}.get(field.type)
    if pattern is None:
        raise ValueError(f"expected no range of type {field.type}, got one; remove it")
    fits = re.fullmatch(pattern, text, re.ASCII) is not None
    if not fits or (field.type == "date" and date_of(text.replace("-", ""), "YYYYMMDD") is None):
        raise ValueError(f"{wanted}; correct it")
    return text


def decimals_of(field: FormField) -> int:
    """How many of a field's digits stand after the comma."""
    return field.decimals if field.type == "decimal" else 0


def iban_digits(country: str) -> int | None:
    """How many digits an IBAN of that country has after its letters; None if it has other letters, or is not known."""
    structure = str(numdb.get("iban").info(country)[0][1].get("bban", ""))
    if re.fullmatch(r"([0-9]+!n)+", structure) is None:
        return None
    return 2 + sum(int(count) for count in re.findall(r"[0-9]+", structure))


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


def _shown_as_bound(field: FormField, digits: str) -> Decimal | str | None:
    if field.type == "date":
        date = date_of(digits, field.date_format)
        return None if date is None else date.isoformat()
    if field.type == "time":
        return f"{digits[:2]}:{digits[2:]}"
    whole = len(digits) - decimals_of(field)
    return Decimal(f"{digits[:whole]}.{digits[whole:]}")  # scaleb would round


def _within(low: Decimal | str | None, value: Decimal | str | None, high: Decimal | str | None) -> bool:
    """Of values of one kind."""
    if value is None:
        return False
    return (low is None or low <= value) and (high is None or value <= high)  # type: ignore[operator]


def _part(digits: str, date_format: str, letter: str) -> str:
    return "".join(digit for digit, each in zip(digits, date_format, strict=True) if each == letter)

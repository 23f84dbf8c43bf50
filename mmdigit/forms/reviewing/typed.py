"""What a person types for a field, checked by its type and its validators.

A spreadsheet may have dropped leading zeros or rewritten a date: what is not certain to mean one value is refused.
"""

import re

from mmdigit.forms.template.template import FormField
from mmdigit.forms.template.validators import checks_of, date_of, described_checks
from schemas.printable import printable

BLANK, KEEP, EMPTY_BOX, ANYWAY = "blank", "ok", "_", "!"
"""Nothing is written; the value that was read is right; an empty box; before a value that fails its checks."""
_YES, _NO = ("true", "yes", "x", "1"), ("false", "no", "0", BLANK)
_ZEROS = "spreadsheets drop leading zeros: type ' before the digits"


def typed_value(field: FormField, text: str) -> str:
    """The value as the table shows it. Raises ValueError that says what was expected."""
    plain = text.strip().removeprefix("'").strip()
    anyway = plain.startswith(ANYWAY)
    plain = plain.removeprefix(ANYWAY).strip()
    if field.type == "check":
        return _mark(plain)
    if plain.lower() == BLANK:
        return ""
    if field.type == "decimal":
        amount = _decimal(field, plain)
        if not anyway:
            _check(field, amount.replace(".", ""), plain)
        return amount
    digits = written_digits(field, plain)
    whole = EMPTY_BOX not in digits
    if whole and not anyway:
        _check(field, digits, plain)
    digits = digits.replace(EMPTY_BOX, "")
    if field.type == "date" and whole:
        date = date_of(digits, field.date_format)
        return digits if date is None else date.isoformat()
    return f"{digits[:2]}:{digits[2:]}" if field.type == "time" and whole else digits


def same_value(field: FormField, one: str, other: str) -> bool:
    """Whether both mean the same: leading zeros of an amount do not matter, those of digits do."""
    if field.type == "decimal" and one and other:
        return one.lstrip("0") == other.lstrip("0")
    return one == other


def _check(field: FormField, digits: str, plain: str) -> None:
    if not all(check(digits) for check in checks_of(field)):
        raise ValueError(
            f"expected a value that passes its checks ({described_checks(field)}), got {_shown(plain)}; correct it, or "
            f"type {ANYWAY}{plain} to keep it"
        )


def _mark(text: str) -> str:
    if text.lower() not in _YES + _NO:
        raise ValueError(f"expected true or false, got {_shown(text)}; type one of them")
    return "true" if text.lower() in _YES else "false"


def _decimal(field: FormField, text: str) -> str:
    found = re.fullmatch(r"([0-9]+)(?:[.,]([0-9]+))?", text)
    most = field.boxes.count - field.decimals
    whole, part = (found[1].lstrip("0") or "0", found[2] or "") if found else ("", "")
    if found is None or len(whole) > most or len(part) > field.decimals:
        raise ValueError(
            f"expected an amount of at most {most} digits, a point and {field.decimals} digits, got {_shown(text)}; "
            "correct it"
        )
    return f"{whole}.{part.ljust(field.decimals, '0')}"


def written_digits(field: FormField, text: str) -> str:
    """One character a box, as the form has them. Not of a check or a decimal. Raises ValueError as typed_value."""
    count = field.boxes.count
    if field.type == "date" and (found := re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", text)):
        parts = {"Y": found[1], "M": found[2], "D": found[3]}
        year = parts["Y"] if "YYYY" in field.date_format else parts["Y"][2:]
        order = dict.fromkeys(field.date_format)
        digits = "".join(year if letter == "Y" else parts[letter] for letter in order)
        date = date_of(digits, field.date_format)
        if date is None or date.isoformat() != text:
            raise ValueError(f"expected a day that the form can hold, got {_shown(text)}; correct it")
        return digits
    if field.type == "time" and re.fullmatch(r"[0-9]{2}:[0-9]{2}", text):
        return text.replace(":", "")
    # Points stand between a day, a month and a year, in that order; spreadsheets write slashes in any.
    pointed = field.type == "date" and field.date_format.startswith("DD")
    parted = text.replace(".", "") if pointed else text
    if re.fullmatch(rf"[0-9{EMPTY_BOX}]{{{count}}}", parted):
        return parted
    wanted = {"date": " or a date as 2024-02-29", "time": " or a time as 23:59"}.get(field.type, "")
    advice = _ZEROS if len(text) < count else "correct it"
    raise ValueError(
        f"expected {count} digits, {EMPTY_BOX} for an empty box{wanted}, or {BLANK}, got {_shown(text)}; {advice}"
    )


def _shown(text: str) -> str:
    return repr(printable(text, 40))

"""Median, least, most; four digits."""

from lab.kit.spread import rounded, shown, spread, spread_of


def test_the_spread_is_median_least_and_most() -> None:
    assert spread([5, 1, 9]) == {"median": 5, "min": 1, "max": 9}
    assert spread_of([{"a": 1.0, "b": 7}, {"a": 3.0, "b": 7}], "a") == {"median": 2.0, "min": 1.0, "max": 3.0}


def test_it_is_shown_in_one_cell() -> None:
    assert shown(spread([1.04, 2.06, 3.0]), ".1f") == "2.1 (1.0-3.0)"


def test_floats_alone_are_rounded_at_any_depth() -> None:
    found = rounded({"jobs": 123_456, "rates": [1234.567, 0.00012345], "deep": {"text": "1.23456"}})
    assert found == {"jobs": 123_456, "rates": [1235.0, 0.0001234], "deep": {"text": "1.23456"}}

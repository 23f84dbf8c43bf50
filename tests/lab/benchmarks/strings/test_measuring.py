"""Shares of what exact cuts give, and digits in the order in which they were said."""

from lab.benchmarks.strings.measuring import Outcome, in_order, shares


def outcome(exact: bool, known: bool, unknown: bool, acceptable: bool = False) -> Outcome:
    return Outcome("fsdd", 0, "clean", exact, known, unknown, acceptable, 0.1)


def test_shares_are_of_exact_cuts() -> None:
    found = shares([outcome(True, True, False), outcome(True, False, False, acceptable=True)] * 10)
    assert (found["numbers"], found["exact"], found["known"]["share"], found["unknown"]["share"]) == (20, 1, 0.5, 0)
    assert found["known"]["low"] < 0.5 < found["known"]["high"]
    assert (found["acceptable"], found["wrong_among_them"]) == (10, 10)


def test_digits_in_order_are_counted() -> None:
    assert in_order("4711", "4711") == 4
    assert in_order("4711", "471") == 3
    assert in_order("4711", "1174") == 2
    assert in_order("4711", "") == 0

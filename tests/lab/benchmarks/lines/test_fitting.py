"""From which confidence numbers are accepted."""

from lab.benchmarks.lines.fitting import TARGET_ERROR, bar_of
from mmdigit.numbers.judging import NO_BAR
from mmdigit.numbers.written_number import LineReason, WrittenNumber


def read(confidence: float, right: bool = True, *reasons: LineReason) -> tuple[WrittenNumber, str]:
    return WrittenNumber((), confidence, "", "review", reasons, "m"), "" if right else "4"


def test_the_bar_lies_above_the_surest_wrong_number() -> None:
    numbers = [read(0.9999), read(0.9998), read(0.9997, False), read(0.9996)]
    assert bar_of(numbers) == (0.9998, 2, 4)


def test_the_bar_keeps_the_predicted_error_within_the_target() -> None:
    bar, reaching, _ = bar_of([read(1.0), read(1 - TARGET_ERROR), read(1 - 3 * TARGET_ERROR)])
    assert (bar, reaching) == (1 - TARGET_ERROR, 2)


def test_numbers_with_other_reasons_do_not_count() -> None:
    assert bar_of([read(0.9999, False, "touching"), read(0.9998)]) == (0.9998, 1, 1)
    assert bar_of([]) == (NO_BAR, 0, 0)

"""Calls in turns give what each gives alone, step by step."""

import pytest

from mmdigit.reading.steps import Steps, run, run_in_turns

done: list[str] = []


def steps(name: str, count: int) -> Steps[str]:
    """A call of so many steps; a negative number fails after as many."""
    for number in range(abs(count)):
        done.append(f"{name}{number}")
        yield
    if count < 0:
        raise ZeroDivisionError(name)
    return name


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    done.clear()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_run_returns_the_result_of_all_steps(count: int) -> None:
    assert run(steps("a", count)) == "a"
    assert len(done) == count


def test_run_raises_what_a_step_raises() -> None:
    with pytest.raises(ZeroDivisionError, match="a"):
        run(steps("a", -2))


def test_calls_take_turns_and_fail_alone() -> None:
    first, failed, last = run_in_turns([steps("a", 3), steps("b", -1), steps("c", 2)])
    assert (first, last) == ("a", "c")
    assert isinstance(failed, ZeroDivisionError)
    assert done == ["a0", "b0", "c0", "a1", "c1", "a2"]
    assert run_in_turns([]) == []

"""The simulated weeks of the control, a few of them."""

from lab.benchmarks.forms.sampling import coverage


def test_coverage_is_what_the_bound_promises() -> None:
    result = coverage(weeks=200, fields=500, share=0.2)
    assert result["covered"] >= 0.95
    assert 0 < result["median_bound_above_error"] < 0.05

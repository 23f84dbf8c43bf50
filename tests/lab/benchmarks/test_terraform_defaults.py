"""Terraform's defaults as simulation and tables take them; tests/deploy holds those of the policies to the plan."""

import pytest

from lab.benchmarks.cost import result_of
from lab.benchmarks.terraform_defaults import default
from schemas.errors import DataError


def test_a_default_is_read() -> None:
    assert default("prediction_ttl_s") == 2592000


@pytest.mark.parametrize("name", ["no_such_variable", "region", "name"])
def test_a_variable_without_a_number_is_an_error(name: str) -> None:
    with pytest.raises(DataError, match=f"expected a variable {name} with a number"):
        default(name)


def test_tasks_are_not_assumed_faster_than_half_of_what_was_measured() -> None:
    found = result_of("pipeline")["transports"]["kafka+redis"]["one_worker"]
    assert default("jobs_per_second_per_task") <= found["jobs_per_s"]["median"] / 2

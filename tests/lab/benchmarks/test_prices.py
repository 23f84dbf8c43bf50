"""The prices: each with its day, unit and source, and an error that says what is missing."""

import re
from pathlib import Path

import pytest

from lab.benchmarks.prices import prices, region
from schemas.errors import DataError


def test_each_price_says_of_when_and_from_where() -> None:
    found = prices()
    assert len(found) > 5
    for name, price in found.items():
        assert price.usd > 0, name
        assert re.fullmatch(r"20[0-9]{2}(-[0-9]{2})?", price.as_of), name
        assert "https://" in price.source, name
    assert region() == "us-east-1"


def test_a_price_without_a_source_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text('[prices.disk]\nusd = 0.1\nunit = "GB-month"\nas_of = "2026"\n')
    with pytest.raises(DataError, match="source"):
        prices(path)

"""What is read from a scrape."""

from samples.running import Scraped

TWO_PROCESSES = """\
# TYPE took_seconds histogram
took_seconds_bucket{process="0",le="1.0"} 1.0
took_seconds_bucket{process="0",le="2.0"} 1.0
took_seconds_bucket{process="0",le="+Inf"} 1.0
took_seconds_bucket{process="1",le="1.0"} 0.0
took_seconds_bucket{process="1",le="2.0"} 3.0
took_seconds_bucket{process="1",le="+Inf"} 3.0
"""


def test_quantile_is_that_of_all_processes() -> None:
    assert Scraped(TWO_PROCESSES).quantile("took_seconds", 0.5) == 1 + 1 / 3
    assert Scraped(TWO_PROCESSES).quantile("took_seconds", 0.25) == 1.0

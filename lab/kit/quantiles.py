"""Quantiles of durations by HdrHistogram, to three digits however long the tail."""

import math
from collections.abc import Iterable, Sequence

from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]

PERCENTS = (50.0, 99.0, 99.9)
_LONGEST_US = 3_600_000_000
_DIGITS = 3

Quantiles = dict[str, float]
"""p50, p99, p99.9 and max, unless other percents are asked for."""


def quantiles_ms(durations_s: Iterable[float | None], percents: Sequence[float] = PERCENTS) -> Quantiles:
    """Quantiles and the maximum of the known durations, in milliseconds; NaN if there is none.

    None and NaN are unknown. Durations are clamped to between a microsecond and an hour.
    """
    histogram = HdrHistogram(1, _LONGEST_US, _DIGITS)
    for duration_s in durations_s:
        if duration_s is not None and not math.isnan(duration_s):
            histogram.record_value(min(_LONGEST_US, max(1, round(duration_s * 1e6))))
    if histogram.get_total_count() == 0:
        return dict.fromkeys((*map(_name, percents), "max"), math.nan)
    found = {_name(percent): histogram.get_value_at_percentile(percent) / 1e3 for percent in percents}
    return found | {"max": histogram.get_max_value() / 1e3}


def _name(percent: float) -> str:
    return f"p{percent:g}"

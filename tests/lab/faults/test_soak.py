"""What a soak samples and how it judges growth; the soak itself takes half an hour."""

import os
import threading
from pathlib import Path

import pytest

from lab.faults.soak import Sampled, sample, slopes
from lab.faults.soak_plot import plot


def grown(mb_per_hour: float) -> list[Sampled]:
    """Ten minutes: a warm-up of two that adds 50 MB, and then so much an hour."""
    return [
        Sampled(at_s, 100 + min(at_s, 120) / 120 * 50 + mb_per_hour * at_s / 3600, 20, 8, int(at_s), 3)
        for at_s in map(float, range(0, 600, 5))
    ]


@pytest.mark.parametrize("mb_per_hour", [0.0, 12.0])
def test_the_slope_is_that_after_the_warm_up(mb_per_hour: float) -> None:
    found = slopes(grown(mb_per_hour))
    assert found["rss_mb"] == pytest.approx(mb_per_hour, abs=0.01)
    assert (found["descriptors"], found["threads"]) == (0, 0)


def test_a_sample_is_of_the_process(tmp_path: Path) -> None:
    _, descriptors, threads = sample(os.getpid())
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    with (tmp_path / "file").open("w"):
        thread.start()
        rss_mb, more_descriptors, more_threads = sample(os.getpid())
        ended.set()
        thread.join()
    assert rss_mb > 10
    assert (more_descriptors, more_threads) == (descriptors + 1, threads + 1)


def test_a_plot_is_drawn(tmp_path: Path) -> None:
    result = {
        "samples": [one._asdict() for one in grown(1.0)],
        "faults": [{"at_s": 60.0, "name": "x"}],
        "slopes_per_hour": slopes(grown(1.0)),
        "load_share": 0.8,
        "saturation_jobs_per_s": 1000.0,
    }
    plot(result, tmp_path / "soak.png")
    assert (tmp_path / "soak.png").read_bytes().startswith(b"\x89PNG")

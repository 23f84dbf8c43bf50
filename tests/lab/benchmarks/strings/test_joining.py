"""Numbers joined from clips: the cuts lie where each digit does, at every pause and in every sound."""

import numpy as np
import pytest

from lab.benchmarks.strings.joining import Condition, join
from tests.mmdigit.clips import tone


@pytest.mark.parametrize("pause_ms", [300, 0, -40])
@pytest.mark.parametrize(("noise_db", "phone"), [(None, False), (10.0, False), (None, True)])
def test_cuts_lie_around_each_digit(pause_ms: int, noise_db: float | None, phone: bool) -> None:
    clips = [tone(duration_s).astype(np.float32) for duration_s in (0.4, 0.3, 0.5)]
    number = join(clips, (1, 2, 3), Condition(pause_ms, noise_db, phone), np.random.default_rng(0))
    assert number.digits == (1, 2, 3)
    assert np.abs(number.waveform).max() <= 1
    assert number.cuts[1:, 0].tolist() == number.cuts[:-1, 1].tolist()
    lengths = np.diff(number.cuts, axis=1)[:, 0] / 8000
    assert lengths[1] == pytest.approx(0.3 + pause_ms / 1000)
    assert number.waveform.size / 8000 == pytest.approx(0.6 + 1.2 + 2 * pause_ms / 1000)

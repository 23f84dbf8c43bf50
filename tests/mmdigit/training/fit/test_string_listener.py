"""The listener of spoken numbers: it learns, resumes, and counts what it hears."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from mmdigit.training.data.spoken_strings import SpokenStrings  # noqa: E402
from mmdigit.training.fit.stage import HISTORY, ONE_THREAD  # noqa: E402
from mmdigit.training.fit.string_listener import N_TOKENS, share_right, train_strings  # noqa: E402
from mmdigit.training.fit.train import train  # noqa: E402
from schemas.errors import DataError  # noqa: E402
from tests.mmdigit.training import made_up  # noqa: E402


def strings() -> SpokenStrings:
    return SpokenStrings([*made_up.clips(4), *made_up.number_words()], {"fsdd": 1.0, "espeak": 1.0}, (), 0.1)


def test_listener_learns_and_resumes(tmp_path: Path) -> None:
    train(made_up.sets(tmp_path / "cache"), made_up.strings_plan(2), tmp_path)
    trained = train_strings(strings(), strings(), made_up.strings_plan(2), tmp_path, ONE_THREAD)
    lines = (tmp_path / HISTORY).read_text().splitlines()
    first, last = (epoch for epoch in map(json.loads, lines) if epoch["stage"] == "strings")
    assert last["loss"] < first["loss"]
    assert {"validation_strings", "validation_number_words"} <= last.keys()
    again = train_strings(strings(), strings(), made_up.strings_plan(2), tmp_path, ONE_THREAD)
    for name, weight in again.state_dict().items():
        assert torch.equal(weight, trained.state_dict()[name])
    assert (tmp_path / HISTORY).read_text().splitlines() == lines


def test_listener_needs_the_audio_classifier(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected an audio classifier's checkpoint at .*audio.pt, got no such file"):
        train_strings(strings(), strings(), made_up.strings_plan(1), tmp_path, ONE_THREAD)


def test_share_right_counts_strings_whose_digits_are_all_heard() -> None:
    drawn = SpokenStrings(made_up.clips(2), {"fsdd": 1.0, "espeak": 1.0}).batch(40, np.random.default_rng(3))

    def hear(waveforms: Any) -> Any:
        """Each token in every second step, but the last string's first digit as another one."""
        steps = torch.full((len(waveforms), 60), N_TOKENS - 1)
        for row, (tokens, count) in enumerate(zip(drawn.tokens, drawn.counts, strict=True)):
            steps[row, 1 : 2 * count : 2] = torch.from_numpy(tokens[:count])
        steps[-1, 1] = (steps[-1, 1] + 1) % 10
        return torch.nn.functional.one_hot(steps, N_TOKENS).float()

    waveforms = torch.from_numpy(drawn.waveforms)
    assert share_right(hear, waveforms, drawn, range(10)) == 39 / 40

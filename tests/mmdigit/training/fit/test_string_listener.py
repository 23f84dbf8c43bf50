"""The listener of spoken numbers: it learns, resumes, and its file answers as torch does at every length."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from mmdigit.reading.predictor import open_session  # noqa: E402
from mmdigit.training.data.spoken_strings import SpokenStrings  # noqa: E402
from mmdigit.training.fit.model import HOP_LENGTH  # noqa: E402
from mmdigit.training.fit.plan import StringsPlan, TrainingPlan  # noqa: E402
from mmdigit.training.fit.stage import HISTORY, ONE_THREAD  # noqa: E402
from mmdigit.training.fit.string_listener import (  # noqa: E402
    BLANK,
    StringListener,
    export_listener,
    share_right,
    train_strings,
)
from mmdigit.training.fit.train import train  # noqa: E402
from schemas.errors import DataError  # noqa: E402
from tests.mmdigit.training import made_up  # noqa: E402


def plan(epochs: int) -> TrainingPlan:
    return made_up.plan(strings=StringsPlan(epochs=epochs, batch_size=8, learning_rate=2e-3, steps=10, hidden=16))


def strings() -> SpokenStrings:
    return SpokenStrings(made_up.clips(4), {"fsdd": 1.0, "espeak": 1.0})


def test_listener_learns_and_resumes(tmp_path: Path) -> None:
    train(made_up.sets(tmp_path / "cache"), plan(2), tmp_path, stop_after=1)
    clips = made_up.clips(4)
    trained = train_strings(strings(), clips, plan(2), tmp_path, ONE_THREAD)
    lines = (tmp_path / HISTORY).read_text().splitlines()
    losses = [epoch["loss"] for epoch in map(json.loads, lines) if epoch["stage"] == "strings"]
    assert len(losses) == 2
    assert losses[1] < losses[0]
    again = train_strings(strings(), clips, plan(2), tmp_path, ONE_THREAD)
    for name, weight in again.state_dict().items():
        assert torch.equal(weight, trained.state_dict()[name])
    assert (tmp_path / HISTORY).read_text().splitlines() == lines


def test_listener_needs_the_audio_classifier(tmp_path: Path) -> None:
    clips = made_up.clips(4)
    with pytest.raises(DataError, match=r"expected the audio classifier's checkpoint at .*audio.pt, got none"):
        train_strings(strings(), clips, plan(1), tmp_path, ONE_THREAD)


@pytest.mark.parametrize("seconds", [0.2, 1.0, 7.0])
def test_exported_file_answers_as_torch(tmp_path: Path, seconds: float) -> None:
    torch.manual_seed(1)
    model = StringListener(plan(1)).eval()
    export_listener(model, tmp_path / "spoken.onnx")
    size = round(seconds * 8000) // HOP_LENGTH * HOP_LENGTH
    waveform = np.random.default_rng(0).normal(0, 0.1, (1, size)).astype(np.float32)
    [found] = open_session((tmp_path / "spoken.onnx").read_bytes(), 1).run(None, {"waveform": waveform})
    with torch.no_grad():
        chances = torch.softmax(model(torch.from_numpy(waveform))[0], dim=1).numpy()
    expected = np.log(chances[:, :10]) - np.log(chances[:, 10:].sum(axis=1, keepdims=True))
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_share_right_counts_strings_whose_digits_are_all_heard() -> None:
    drawn = SpokenStrings(made_up.clips(2), {"fsdd": 1.0, "espeak": 1.0}).batch(40, np.random.default_rng(3))

    def hear(waveforms: Any) -> Any:
        """Each token in every second step, but the last string's first digit as another one."""
        steps = torch.full((len(waveforms), 60), BLANK)
        for row, (tokens, count) in enumerate(zip(drawn.tokens, drawn.counts, strict=True)):
            steps[row, 1 : 2 * count : 2] = torch.from_numpy(tokens[:count])
        steps[-1, 1] = (steps[-1, 1] + 1) % 10
        return torch.nn.functional.one_hot(steps, BLANK + 1).float()

    assert share_right(hear, drawn) == 39 / 40  # type: ignore[arg-type]

"""The exported listener answers as torch does at every length; its strings keep voices for validation apart."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from mmdigit.reading.predictor import open_session  # noqa: E402
from mmdigit.training.data.log_mel import HOP_LENGTH  # noqa: E402
from mmdigit.training.data.splits import Clip  # noqa: E402
from mmdigit.training.fit import spoken_numbers  # noqa: E402
from mmdigit.training.fit.spoken_numbers import export_listener, spoken_strings  # noqa: E402
from mmdigit.training.fit.string_listener import StringListener  # noqa: E402
from tests.mmdigit.training import made_up  # noqa: E402


@pytest.mark.parametrize("seconds", [0.2, 1.0, 7.0])
def test_exported_file_answers_as_torch(tmp_path: Path, seconds: float) -> None:
    torch.manual_seed(1)
    listener = StringListener(made_up.strings_plan(1)).eval()
    export_listener(listener, tmp_path / "spoken.onnx")
    size = round(seconds * 8000) // HOP_LENGTH * HOP_LENGTH
    waveform = np.random.default_rng(0).normal(0, 0.1, (1, size)).astype(np.float32)
    [found] = open_session((tmp_path / "spoken.onnx").read_bytes(), 1).run(None, {"waveform": waveform})
    with torch.no_grad():
        chances = torch.softmax(listener(torch.from_numpy(waveform))[0], dim=1).numpy()
    expected = np.log(chances[:, :10]) - np.log(chances[:, 10:].sum(axis=1, keepdims=True))
    np.testing.assert_allclose(found[:, :10], expected, atol=1e-3)
    words = chances[:, 11:14]
    np.testing.assert_allclose(found[:, 10:], np.log(words) - np.log1p(-words), atol=1e-3)


def test_words_for_validation_do_not_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[list[Clip], float]] = []
    words = made_up.number_words()

    class Strings:
        def __init__(self, clips: list[Clip], shares: object, whole: object = (), number_words: float = 0.0) -> None:
            made.append((clips, number_words))

    monkeypatch.setattr(spoken_numbers, "SpokenStrings", Strings)
    monkeypatch.setattr(spoken_numbers, "synthesize_number_words", lambda *_: words)
    monkeypatch.setattr(spoken_numbers, "synthesize_strings", lambda *_: [])
    monkeypatch.setattr(spoken_numbers, "load_clips", lambda *_: made_up.clips(1))
    plan = made_up.strings_plan(1)
    spoken_strings(tmp_path, tmp_path, plan)
    (heard, share), (unseen, unseen_share) = made
    assert share == unseen_share == plan.strings.share
    voices = [{clip.speaker for clip in clips if clip.word} for clips in (heard, unseen)]
    assert all(voices)
    assert voices[0].isdisjoint(voices[1])
    assert voices[0] | voices[1] == {clip.speaker for clip in words}

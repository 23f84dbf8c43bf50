"""The part of the listener that hears number words: it learns, resumes, and leaves the listener as it is."""

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from mmdigit.training.data.spoken_strings import SpokenStrings  # noqa: E402
from mmdigit.training.fit.number_words import NumberWordHead, train_number_words  # noqa: E402
from mmdigit.training.fit.stage import HISTORY, ONE_THREAD  # noqa: E402
from mmdigit.training.fit.string_listener import StringListener  # noqa: E402
from tests.mmdigit.training import made_up  # noqa: E402


def test_head_learns_resumes_and_leaves_the_listener(tmp_path: Path) -> None:
    plan = made_up.strings_plan(2)
    strings = SpokenStrings([*made_up.clips(2), *made_up.number_words()], {"fsdd": 1.0, "espeak": 1.0}, (), 0.3)
    torch.manual_seed(1)
    listener = StringListener(plan)
    before = {name: weight.clone() for name, weight in listener.state_dict().items()}

    def train() -> NumberWordHead:
        return train_number_words(listener, strings, strings, plan, tmp_path, ONE_THREAD)

    trained = train()
    lines = (tmp_path / HISTORY).read_text().splitlines()
    epochs = [json.loads(line) for line in lines]
    assert [epoch["stage"] for epoch in epochs] == ["number_words"] * 2
    assert epochs[1]["loss"] < epochs[0]["loss"]
    assert 0 <= epochs[1]["validation_number_words"] <= 100
    for name, weight in train().state_dict().items():
        assert torch.equal(weight, trained.state_dict()[name])
    assert (tmp_path / HISTORY).read_text().splitlines() == lines
    for name, weight in listener.state_dict().items():
        assert torch.equal(weight, before[name])

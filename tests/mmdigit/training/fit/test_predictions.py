"""Answers in batches are those of all at once."""

import pytest

torch = pytest.importorskip("torch")

from mmdigit.training.fit import predictions  # noqa: E402
from mmdigit.training.fit.model import DigitModel  # noqa: E402
from mmdigit.training.fit.predictions import predict_clips, predict_images  # noqa: E402
from tests.mmdigit.training import made_up  # noqa: E402


def test_batches_answer_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model, digits, clips = DigitModel().eval(), made_up.digits(20, 1), made_up.clips(2)
    whole = predict_images(model.image, digits.images), predict_clips(model.audio, clips)
    monkeypatch.setattr(predictions, "BATCH", 7)
    parts = predict_images(model.image, digits.images), predict_clips(model.audio, clips)
    for once, split in zip(whole, parts, strict=True):
        for values, others in zip(once, split, strict=True):
            torch.testing.assert_close(others, values, atol=1e-5, rtol=1e-4)
            assert not values.requires_grad
    assert tuple(whole[1].logits.shape) == (len(clips), 10)

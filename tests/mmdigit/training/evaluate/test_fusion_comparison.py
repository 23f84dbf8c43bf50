"""The comparison of fused heads: the sum gains nothing over itself, a better head gains what it reads more."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from mmdigit.training.evaluate import fusion_comparison  # noqa: E402
from mmdigit.training.evaluate.corrupt_audio import gusts  # noqa: E402
from mmdigit.training.evaluate.fusion_comparison import compare_heads, untrained_like  # noqa: E402
from mmdigit.training.fit.model import DigitModel, Fusion  # noqa: E402
from tests.mmdigit.training import made_up  # noqa: E402


class Seven(Fusion):
    """Reads a seven in everything."""

    def forward(self, image, image_present, audio, audio_present):  # type: ignore[no-untyped-def]
        return torch.eye(10)[7].expand(image_present.shape[0], 10)


def test_heads_are_compared_with_the_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fusion_comparison, "NOISES", {"gusts": gusts})
    digits, clips = made_up.digits(40, 1), made_up.clips(2)[:20]
    head = Seven()
    head.weight.copy_(torch.tensor([2.0, 0.5]))
    heads = {"sum": untrained_like(head), "seven": head}
    torch.testing.assert_close(heads["sum"].weight, head.weight)
    rows = compare_heads(DigitModel().eval(), heads, digits, clips, 20)
    assert len(rows) == 2 * 4
    for row in rows:
        if row["head"] == "sum":
            assert row["fewer_wrong"] == 0
            assert row["interval_95"] == [0, 0]
        else:
            assert row["wrong"] == pytest.approx(0.9)
    for plain, seven in zip(rows[::2], rows[1::2], strict=True):
        assert seven["fewer_wrong"] == pytest.approx(plain["wrong"] - seven["wrong"])
    assert {(row["images"], row["pairs"]) for row in rows} == {("clean", 80), ("photographed", 40)}
    assert np.unique([row["clips"] for row in rows]).tolist() == ["clean", "noise at 5 dB"]

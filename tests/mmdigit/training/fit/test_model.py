"""The torch model: its size, and what a missing modality means to it."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from torch import Tensor

torch = pytest.importorskip("torch")

from mmdigit.reading.audio.normalize import N_SAMPLES  # noqa: E402
from mmdigit.training.fit.model import DigitModel, count_parameters  # noqa: E402


def noise(count: int, seed: int) -> "Tensor":
    waveform: Tensor = torch.randn(count, N_SAMPLES, generator=torch.Generator().manual_seed(seed)) * 0.1
    return waveform


def test_model_has_under_a_million_parameters() -> None:
    assert count_parameters(DigitModel()) < 1_000_000


def test_fusion_ignores_a_missing_modality() -> None:
    torch.manual_seed(0)
    model = DigitModel().eval()
    image, present, absent = torch.rand(2, 1, 28, 28), torch.ones(2), torch.zeros(2)
    with torch.no_grad():
        one = model(image, present, noise(2, 1), absent)
        other = model(image, present, noise(2, 2), absent)
    torch.testing.assert_close(one.fused, other.fused)
    torch.testing.assert_close(one.image, other.image)

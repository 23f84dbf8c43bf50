"""Other fused heads: gates begin as the sum, all of them answer one modality or need both as they say."""

import pytest

torch = pytest.importorskip("torch")

from mmdigit.training.evaluate.fusion_heads import FUSED_HEADS, Gates  # noqa: E402
from mmdigit.training.fit.model import EMBEDDING, Fusion, UnimodalOutput  # noqa: E402


def outputs(count: int) -> UnimodalOutput:
    return UnimodalOutput(torch.rand(count, EMBEDDING), torch.randn(count, 10), torch.zeros(count))


def test_gates_begin_as_the_sum() -> None:
    torch.manual_seed(1)
    image, audio, here = outputs(6), outputs(6), torch.ones(6)
    torch.testing.assert_close(Gates()(image, here, audio, here), Fusion()(image, here, audio, here))
    torch.testing.assert_close(Gates()(image, here, audio, torch.zeros(6)), image.logits)


@pytest.mark.parametrize("name", FUSED_HEADS)
def test_heads_can_learn(name: str) -> None:
    torch.manual_seed(1)
    head, image, audio, here = FUSED_HEADS[name](), outputs(6), outputs(6), torch.ones(6)
    head(image, here, audio, here).square().sum().backward()
    assert any(parameter.grad is not None and bool(parameter.grad.abs().sum() > 0) for parameter in head.parameters())

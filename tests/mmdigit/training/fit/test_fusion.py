"""Fusion: pairs of known labels, no correction where a modality is missing, and a head that learns whom to trust."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from mmdigit.training.fit.fusion import Answers, accuracy, draw_pairs, fusion_loss  # noqa: E402
from mmdigit.training.fit.model import EMBEDDING, Fusion, UnimodalOutput  # noqa: E402


def answers(count: int, seed: int, heard: bool) -> Answers:
    """Rightly read where the first number of the embedding is 1, drawn at random where it is 0."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 10, count)
    clear = random.random(count) < (0.6 if heard else 0.7)
    read = np.where(clear, labels, random.integers(0, 10, count))
    embedding = random.random((count, EMBEDDING)).astype(np.float32) * 0.1
    embedding[:, 0] = clear
    embedding[np.arange(count), 1 + read] = 1
    logits = 4 * np.eye(10, dtype=np.float32)[read]
    outputs = UnimodalOutput(*(torch.from_numpy(part) for part in (embedding, logits, np.zeros(count, np.float32))))
    return Answers(outputs, labels)


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.9))
def test_pairs_are_of_one_digit_but_for_the_conflicts(seed: int, conflicts: float) -> None:
    random = np.random.default_rng(seed)
    images, clips = random.integers(0, 10, 300), random.integers(3, 10, 40)
    rows, columns = draw_pairs(images, clips, 500, conflicts, random)
    assert rows.shape == columns.shape == (500,)
    differ = float((images[rows] != clips[columns]).mean())
    assert abs(differ - conflicts * (1 - 1 / np.unique(clips).size)) < 0.12
    assert conflicts > 0 or differ == 0


def test_correction_vanishes_without_one_modality() -> None:
    head = Fusion()
    torch.nn.init.normal_(head.correction.weight)
    some, here, gone = answers(8, 1, False), torch.ones(8), torch.zeros(8)
    rows = np.arange(8)
    for image, audio in ((here, gone), (gone, here)):
        fused = head(some.select(rows), image, some.select(rows), audio)
        torch.testing.assert_close(fused, some.outputs.logits)
    both = head(some.select(rows), here, some.select(rows), here)
    assert float((both - 2 * some.outputs.logits).detach().abs().max()) > 0.1


def test_untrained_head_is_the_sum() -> None:
    images, clips = answers(400, 1, False), answers(400, 2, True)
    figures = accuracy(Fusion(), images, clips)
    assert figures["validation_fused"] == figures["validation_sum"]


def test_head_learns_which_modality_to_trust() -> None:
    torch.manual_seed(1)
    images, clips, head = answers(4000, 1, False), answers(4000, 2, True), Fusion()
    optimizer = torch.optim.Adam(head.parameters(), 1e-2)
    random = np.random.default_rng(3)
    for _ in range(120):
        rows, columns = draw_pairs(images.labels, clips.labels, 128, 0.0, random)
        labels = torch.from_numpy(images.labels[rows]), torch.from_numpy(clips.labels[columns])
        loss = fusion_loss(head, images.select(rows), clips.select(columns), *labels, 0.0)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    figures = accuracy(head, answers(2000, 5, False), answers(2000, 6, True))
    assert figures["validation_fused"] > figures["validation_sum"] + 5


def test_conflicts_only_keep_the_head_at_the_sum() -> None:
    pair, head = answers(2, 1, False).outputs, Fusion()
    three, differing = torch.tensor([3, 3]), torch.tensor([3, 5])
    torch.nn.init.ones_(head.correction.weight)
    free, held = (fusion_loss(head, pair, pair, three, differing, penalty) for penalty in (0.0, 2.0))
    assert held > free
    alone = UnimodalOutput(*(part[:1] for part in pair))
    torch.testing.assert_close(free, fusion_loss(head, alone, alone, three[:1], three[:1], 0.0))
    plain = Fusion()  # the sum itself: no penalty
    expected = fusion_loss(plain, alone, alone, three[:1], three[:1], 0.0)
    torch.testing.assert_close(fusion_loss(plain, pair, pair, three, differing, 9.0), expected)

"""Draws images from strokes: ones and sevens as written in Europe, and characters of no script."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from mmdigit.training.data.augment import TensorRng

DrawImages = Callable[[int, TensorRng], Tensor]

N_POINTS = 24  # along each stroke
SIDE = 28


def flagged_ones(count: int, rng: TensorRng) -> Tensor:
    """Ones with a flag, as written in most of Europe, some with a foot. (B, 1, 28, 28), range [0, 1], 1 = ink."""
    top = torch.stack([rng.uniform((count,), 0.05, 0.25), torch.full((count,), -1.0)], dim=1)  # (x, y), y down
    bottom = torch.stack([rng.uniform((count,), -0.25, 0.3), torch.full((count,), 1.0)], dim=1)
    angle = rng.uniform((count,), 28, 70) * math.pi / 180  # below the horizontal; a seven's bar lies above it
    length = rng.uniform((count,), 0.35, 1.0)
    flag = top + length[:, None] * torch.stack([-torch.cos(angle), torch.sin(angle)], dim=1)
    foot = rng.uniform((count, 1), 0.15, 0.4) * torch.tensor([1.0, 0.0])
    footed = rng.bernoulli(count, 0.25)[:, None]
    strokes = [_line(flag, top), _line(top, bottom), _line(bottom - foot * footed, bottom + foot * footed)]
    return _draw(torch.stack(strokes, dim=1), rng)


def barred_sevens(count: int, rng: TensorRng) -> Tensor:
    """Sevens, most with a bar across the stem. (B, 1, 28, 28), range [0, 1], 1 = ink."""
    right = torch.stack([rng.uniform((count,), 0.4, 0.8), torch.full((count,), -1.0)], dim=1)
    angle = rng.uniform((count,), -12, 14) * math.pi / 180
    length = rng.uniform((count,), 0.8, 1.3)
    left = right + length[:, None] * torch.stack([-torch.cos(angle), torch.sin(angle)], dim=1)
    bottom = torch.stack([rng.uniform((count,), -0.4, 0.2), torch.full((count,), 1.0)], dim=1)
    middle = right + (bottom - right) * rng.uniform((count, 1), 0.4, 0.6)
    half = rng.uniform((count,), 0.25, 0.5)
    tilt = rng.uniform((count,), -25, 10) * math.pi / 180
    reach = half[:, None] * torch.stack([torch.cos(tilt), torch.sin(tilt)], dim=1)
    reach = reach * rng.bernoulli(count, 0.8)[:, None]
    strokes = [_line(left, right), _line(right, bottom), _line(middle - reach, middle + reach)]
    return _draw(torch.stack(strokes, dim=1), rng)


def characters(count: int, rng: TensorRng) -> Tensor:
    """Characters of no script: 3 to 5 connected, curved strokes. (B, 1, 28, 28), range [0, 1], 1 = ink."""
    corners = rng.uniform((count, 6, 2), -1, 1)
    ends = torch.stack([corners[:, :5], corners[:, 1:]], dim=2)  # (B, 5, 2, 2): strokes begin where others end
    ends[:, 2:, 0] = torch.where(
        rng.bernoulli(count * 3, 0.5).reshape(count, 3, 1) > 0, rng.uniform((count, 3, 2), -1, 1), ends[:, 2:, 0]
    )
    control = ends.mean(dim=2) + rng.normal((count, 5, 2)) * 0.5
    time = torch.linspace(0, 1, N_POINTS)[None, None, :, None]
    start, end = ends[:, :, None, 0], ends[:, :, None, 1]
    curves = (1 - time) ** 2 * start + 2 * time * (1 - time) * control[:, :, None] + time**2 * end
    used = rng.integers((count, 1), 3, 6) > torch.arange(5)[None, :]
    curves = torch.where(used[:, :, None, None], curves, curves[:, :1, :1])
    low, high = curves.amin(dim=(1, 2), keepdim=True), curves.amax(dim=(1, 2), keepdim=True)
    curves = (curves - (low + high) / 2) / ((high - low).amax(dim=3, keepdim=True) / 2).clamp(min=1e-3)
    return _draw(curves, rng)


def _line(start: Tensor, end: Tensor) -> Tensor:
    """(B, N_POINTS, 2) from start to end, each (B, 2)."""
    time = torch.linspace(0, 1, N_POINTS)[None, :, None]
    return start[:, None] + (end - start)[:, None] * time


def _draw(strokes: Tensor, rng: TensorRng) -> Tensor:
    """Draws strokes with tremor, 20 pixels high, with a pen 2 to 4 pixels wide: (B, 1, 28, 28).

    strokes: (B, S, N_POINTS, 2), (x, y) in [-1, 1].
    """
    count = strokes.shape[0]
    tremor = rng.normal((count, strokes.shape[1], 4, 2)) * 0.04
    tremor = torch.nn.functional.interpolate(tremor.flatten(0, 1).transpose(1, 2), N_POINTS, mode="linear")
    points = (strokes + tremor.transpose(1, 2).reshape(strokes.shape)).flatten(1, 2) * 9 + (SIDE - 1) / 2
    line = torch.arange(SIDE, dtype=torch.float32)
    pixels = torch.stack([line.repeat(SIDE), line.repeat_interleave(SIDE)], dim=1)  # (784, 2), (x, y)
    distance = torch.cdist(pixels.expand(count, -1, -1), points).amin(dim=2)
    radius = rng.uniform((count, 1), 0.8, 1.8)
    return (radius + 0.5 - distance).clamp(0, 1).reshape(count, 1, SIDE, SIDE)

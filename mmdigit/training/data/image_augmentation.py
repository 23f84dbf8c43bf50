"""Augments batches of images for training, each in its own way. All random numbers come from the caller's generator."""

import math

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.transforms.v2 import functional as vision  # type: ignore[import-untyped]

from mmdigit.training.data.augment import TensorRng


def augment_images(images: Tensor, rng: TensorRng, calm: bool = False) -> Tensor:
    """Slant, rotate, stretch, shift and bend each digit; change its stroke width, contrast and edges.

    images: (B, 1, 28, 28), range [0, 1], 1 = ink; calm: distort the shape only a little. Returns the same shape and
    range.
    """
    count = images.shape[0]
    warped = functional.grid_sample(images, _warp(count, rng, calm), align_corners=False)
    bold = functional.max_pool2d(warped, 3, stride=1, padding=1)
    thin = -functional.max_pool2d(-warped, 3, stride=1, padding=1)
    stroke = rng.uniform((count, 1, 1, 1), -0.6, 1.0) * rng.bernoulli(count, 0.5)[:, None, None, None]
    pressure = functional.interpolate(rng.normal((count, 1, 4, 4)), size=(28, 28), mode="bilinear", align_corners=False)
    stroke = (stroke + 0.5 * pressure * _sometimes(count, 0.3, rng)).clamp(-0.8, 1.0)
    images = warped + stroke.clamp(min=0) * (bold - warped) + (-stroke).clamp(min=0) * (thin - warped)
    blurred = vision.gaussian_blur(images, [5, 5], [1.0])
    images = images + rng.uniform((count, 1, 1, 1)) * _sometimes(count, 0.3, rng) * (blurred - images)
    images = _edge_lines(images, rng)
    gamma = 1 + _sometimes(count, 0.4, rng) * rng.uniform((count, 1, 1, 1), -0.4, 0.8)
    images = images.clamp(0, 1) ** gamma
    faded = 1 - _sometimes(count, 0.3, rng) * rng.uniform((count, 1, 1, 1), 0.0, 0.5)
    noise = rng.normal(tuple(images.shape)) * _sometimes(count, 0.2, rng) * 0.08
    return (images * faded + noise).clamp(0, 1)


def _sometimes(count: int, probability: float, rng: TensorRng) -> Tensor:
    """(B, 1, 1, 1), 1.0 with this probability, else 0.0."""
    return rng.bernoulli(count, probability)[:, None, None, None]


def _warp(count: int, rng: TensorRng, calm: bool) -> Tensor:
    """A sampling grid (B, 28, 28, 2) for each image: an affine map and a smooth elastic distortion.

    Half of the images change only a little, the others as much as hurried writing does; if calm, all change a little.
    """
    strength = torch.full((count,), 0.4) if calm else 0.5 + 0.5 * rng.bernoulli(count, 0.5)
    angle = rng.uniform((count,), -18, 18) * math.pi / 180 * strength
    shear = rng.uniform((count,), -0.5, 0.5) * strength
    scale_x = 1 + rng.uniform((count,), -0.2, 0.5) * strength
    scale_y = 1 + rng.uniform((count,), -0.15, 0.2) * strength
    move = rng.uniform((count, 2), -2.0, 2.0) * 2 / 28
    cosine, sine = torch.cos(angle), torch.sin(angle)
    first = torch.stack([cosine * scale_x, (shear * cosine - sine) * scale_y, move[:, 0]], dim=1)
    second = torch.stack([sine * scale_x, (shear * sine + cosine) * scale_y, move[:, 1]], dim=1)
    grid = functional.affine_grid(torch.stack([first, second], dim=1), [count, 1, 28, 28], align_corners=False)
    bend = functional.interpolate(rng.normal((count, 2, 5, 5)), size=(28, 28), mode="bicubic", align_corners=False)
    pixels = rng.uniform((count, 1, 1, 1), 0.0, 1.4) * strength[:, None, None, None]  # at one sigma
    return grid + (bend * pixels * 2 / 28).permute(0, 2, 3, 1)


def _edge_lines(images: Tensor, rng: TensorRng) -> Tensor:
    """Draws a line along an edge of every eighth image, like the rest of a printed box."""
    count = images.shape[0]
    drawn = rng.bernoulli(count, 0.12)
    place = rng.integers((count,), 0, 4)
    far = rng.integers((count,), 0, 2)
    upright = rng.integers((count,), 0, 2)
    index = torch.where(far == 1, 27 - place, place)
    line = functional.one_hot(index, 28).float()
    lines = torch.where(
        upright[:, None, None] == 1, line[:, None, :].expand(-1, 28, -1), line[:, :, None].expand(-1, -1, 28)
    )
    strength = (drawn * rng.uniform((count,), 0.3, 1.0))[:, None, None, None]
    return torch.maximum(images, lines[:, None] * strength)


def corrupt_images(images: Tensor, rng: TensorRng) -> Tensor:
    """Turn digits into images that are not digits: blanks, noise, smears, lines, a digit scribbled over, two digits.

    images: (B, 1, 28, 28), digits. Returns the same shape, range [0, 1].
    """
    count = images.shape[0]
    kind = rng.integers((count,), 0, 7)[:, None, None, None]
    blank = rng.uniform((count, 1, 1, 1), 0.0, 0.1) * rng.bernoulli(count, 0.5)[:, None, None, None]
    noise = (rng.normal((count, 1, 28, 28)) * rng.uniform((count, 1, 1, 1), 0.05, 0.5)).abs()
    coarse = rng.normal((count, 1, 5, 5))
    smear = functional.interpolate(coarse, size=(28, 28), mode="bicubic", align_corners=False).clamp(0, 1)
    lines = _edge_lines(_edge_lines(blank.expand(-1, -1, 28, 28), rng), rng)
    strokes = rng.bernoulli(count * 28, 0.35).reshape(count, 1, 28, 1) * torch.ones(1, 1, 1, 28)
    scribbled = torch.maximum(images, functional.avg_pool2d(strokes, 3, stride=1, padding=1))
    overlaid = torch.maximum(images, images.flip(0).roll(1, 0).rot90(1, (2, 3)))
    choices = (blank.expand(-1, -1, 28, 28), noise, smear, lines, scribbled, overlaid, _touching(images))
    corrupted = torch.zeros_like(images)
    for number, choice in enumerate(choices):
        corrupted = torch.where(kind == number, choice, corrupted)
    return corrupted.clamp(0, 1)


def _touching(images: Tensor) -> Tensor:
    """Each digit with another one that touches it at the right, (B, 1, 28, 28)."""
    others = images.roll(1, 0)
    small, other = (functional.interpolate(each[:, :, 3:25, 3:25], (20, 14), mode="area") for each in (images, others))
    return functional.pad(torch.cat([small[..., :-2], other[..., 2:]], dim=3), (2, 2, 4, 4))

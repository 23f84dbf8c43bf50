"""Augments batches of images and audio for training, each member of a batch in its own way.

All random numbers come from the caller's generator, so that a resumed training repeats them.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.transforms.v2 import functional as vision  # type: ignore[import-untyped]

from mmdigit.reading.audio.normalize import N_SAMPLES, SAMPLE_RATE_HZ
from mmdigit.training.fit.plan import Distortion


class TensorRng:
    """Draws random tensors from one generator."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def uniform(self, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0) -> Tensor:
        return torch.rand(shape, generator=self.generator) * (high - low) + low

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        return torch.randn(shape, generator=self.generator)

    def bernoulli(self, count: int, probability: float) -> Tensor:
        """(count,), 1.0 with this probability, else 0.0."""
        return (torch.rand(count, generator=self.generator) < probability).float()

    def integers(self, shape: tuple[int, ...], low: int, high: int) -> Tensor:
        return torch.randint(low, high, shape, generator=self.generator)


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
    shear = rng.uniform((count,), -0.4, 0.4) * strength
    scale_x = 1 + rng.uniform((count,), -0.2, 0.3) * strength
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
    """Turn digits into images that are not digits: blanks, noise, smears, lines, a digit scribbled over.

    images: (B, 1, 28, 28), digits. Returns the same shape, range [0, 1].
    """
    count = images.shape[0]
    kind = rng.integers((count,), 0, 6)[:, None, None, None]
    blank = rng.uniform((count, 1, 1, 1), 0.0, 0.1) * rng.bernoulli(count, 0.5)[:, None, None, None]
    noise = (rng.normal((count, 1, 28, 28)) * rng.uniform((count, 1, 1, 1), 0.05, 0.5)).abs()
    coarse = rng.normal((count, 1, 5, 5))
    smear = functional.interpolate(coarse, size=(28, 28), mode="bicubic", align_corners=False).clamp(0, 1)
    lines = _edge_lines(_edge_lines(blank.expand(-1, -1, 28, 28), rng), rng)
    strokes = rng.bernoulli(count * 28, 0.35).reshape(count, 1, 28, 1) * torch.ones(1, 1, 1, 28)
    scribbled = torch.maximum(images, functional.avg_pool2d(strokes, 3, stride=1, padding=1))
    overlaid = torch.maximum(images, images.flip(0).roll(1, 0).rot90(1, (2, 3)))
    choices = (blank.expand(-1, -1, 28, 28), noise, smear, lines, scribbled, overlaid)
    corrupted = torch.zeros_like(images)
    for number, choice in enumerate(choices):
        corrupted = torch.where(kind == number, choice, corrupted)
    return corrupted.clamp(0, 1)


def augment_waveforms(waveforms: Tensor, babble: Tensor, rng: TensorRng, kinds: Sequence[Distortion]) -> Tensor:
    """Give each clip another room, microphone, line and noise.

    waveforms: (B, N_SAMPLES), range [-1, 1]; babble: (M, N_SAMPLES), clips to mix into background speech, may be none;
    kinds: the distortions to apply ("speed", "warp" and "mask" are applied elsewhere).
    Returns (B, N_SAMPLES), range [-1, 1].
    """
    count = waveforms.shape[0]
    if "trim" in kinds:
        waveforms = _trim(waveforms, rng)
    if "shift" in kinds:
        waveforms = _shift(waveforms, rng)
    if "room" in kinds or "equaliser" in kinds:
        spectrum = torch.fft.rfft(waveforms, 2 * N_SAMPLES)  # (B, 8001)
        if "room" in kinds:
            spectrum = spectrum * torch.fft.rfft(_room_responses(count, rng), 2 * N_SAMPLES)
        if "equaliser" in kinds:
            spectrum = spectrum * _equalizer_gains(count, spectrum.shape[1], 0.6, rng)
        waveforms = torch.fft.irfft(spectrum)[:, :N_SAMPLES]
    waveforms = waveforms / waveforms.std(dim=1, keepdim=True).clamp(min=1e-6) * 0.1
    if "noise" in kinds:
        waveforms = waveforms + _noise(count, babble if "babble" in kinds else babble[:0], rng)
    if "click" in kinds:
        waveforms = waveforms + _clicks(count, rng)
    waveforms = waveforms / waveforms.abs().amax(dim=1, keepdim=True).clamp(min=1e-6)
    if "overload" in kinds:
        clipped = (waveforms * rng.uniform((count, 1), 1.5, 6)).clamp(-1, 1)
        waveforms = torch.where(rng.bernoulli(count, 0.08)[:, None] > 0, clipped, waveforms)
    if "codec" in kinds:
        waveforms = torch.where(rng.bernoulli(count, 0.1)[:, None] > 0, _mu_law(waveforms), waveforms)
    return waveforms


def _noise(count: int, babble: Tensor, rng: TensorRng) -> Tensor:
    """(B, N_SAMPLES), noise for speech of RMS 0.1: 0-45 dB below it for 70 % of the clips, none for the others."""
    noise = _coloured_noise(count, rng)
    if babble.shape[0]:
        voices = babble[rng.integers((count, 3), 0, babble.shape[0])].sum(dim=1)
        noise = torch.where(rng.bernoulli(count, 0.3)[:, None] > 0, voices, noise)
    noise = noise / noise.std(dim=1, keepdim=True).clamp(min=1e-6)
    ratio_db = rng.uniform((count, 1), 0, 45)
    scaled: Tensor = noise * 0.1 * 10 ** (-ratio_db / 20)
    return scaled * rng.bernoulli(count, 0.7)[:, None]


def _clicks(count: int, rng: TensorRng) -> Tensor:
    """(B, N_SAMPLES): a button's click or a breath somewhere in every fifth clip, for speech of RMS 0.1."""
    time_s = torch.arange(N_SAMPLES)[None, :] / SAMPLE_RATE_HZ - rng.uniform((count, 1), 0.0, 1.0)
    decay_s = torch.exp(rng.uniform((count, 1), math.log(2e-3), math.log(4e-2)))
    envelope = torch.where(time_s >= 0, torch.exp(-time_s.clamp(min=0) / decay_s), torch.zeros(1))
    loudness = torch.exp(rng.uniform((count, 1), math.log(0.02), math.log(0.5)))
    clicks: Tensor = rng.normal((count, N_SAMPLES)) * envelope * loudness
    return clicks * rng.bernoulli(count, 0.2)[:, None]


def _trim(waveforms: Tensor, rng: TensorRng) -> Tensor:
    """Cuts the first or last tenth of the speech from every fifth clip, as voice-activated recorders do."""
    count = waveforms.shape[0]
    loud = waveforms.abs() > 0.05 * waveforms.abs().amax(dim=1, keepdim=True)
    index = torch.arange(N_SAMPLES)[None, :]
    first = torch.where(loud, index, N_SAMPLES).amin(dim=1, keepdim=True)
    last = torch.where(loud, index, 0).amax(dim=1, keepdim=True)
    length = (last - first).clamp(min=0)
    front = first + length * rng.uniform((count, 1), 0.0, 0.12) * rng.bernoulli(count, 0.2)[:, None] - 1
    back = last - length * rng.uniform((count, 1), 0.0, 0.12) * rng.bernoulli(count, 0.2)[:, None] + 1
    trimmed = (front > first) | (back < last)
    kept = (index >= front) & (index <= back) | ~trimmed
    return waveforms * kept.float()


def _shift(waveforms: Tensor, rng: TensorRng) -> Tensor:
    """Shifts each clip by up to 0.12 s either way and fills the gap with silence."""
    count = waveforms.shape[0]
    reach = SAMPLE_RATE_HZ // 8  # 1000 samples
    padded = functional.pad(waveforms, (reach, reach))
    starts = rng.integers((count, 1), 0, 2 * reach + 1)
    index = starts + torch.arange(N_SAMPLES)[None, :]
    return padded.gather(1, index)


def _room_responses(count: int, rng: TensorRng) -> Tensor:
    """Impulse responses (B, 2000): the direct sound, and for 40 % of the clips a decaying tail of up to 0.25 s."""
    length = SAMPLE_RATE_HZ // 4
    time_s = torch.arange(length) / SAMPLE_RATE_HZ
    decay_s = rng.uniform((count, 1), 0.02, 0.12)
    tail = rng.normal((count, length)) * torch.exp(-time_s[None, :] / decay_s)
    tail = tail / tail.square().sum(dim=1, keepdim=True).sqrt()
    responses = tail * rng.uniform((count, 1), 0.1, 0.9) * rng.bernoulli(count, 0.4)[:, None]
    responses[:, 0] = 1.0
    return responses


def _equalizer_gains(count: int, n_bins: int, probability: float, rng: TensorRng) -> Tensor:
    """Gains (B, n_bins): a smooth curve within about 6 dB, and sometimes a band limit."""
    points = rng.normal((count, 1, 8)) * 4  # dB
    curve = functional.interpolate(points, size=n_bins, mode="linear", align_corners=True)[:, 0]
    frequency = torch.linspace(0, SAMPLE_RATE_HZ / 2, n_bins)[None, :]
    low = rng.uniform((count, 1), 50, 400)
    high = rng.uniform((count, 1), 2500, 4500)
    band = -30 * ((low - frequency) / low).clamp(0, 1) - 30 * ((frequency - high) / 500).clamp(0, 1)
    gain_db = curve * rng.bernoulli(count, probability)[:, None] + band * rng.bernoulli(count, 0.4)[:, None]
    return torch.pow(10.0, gain_db / 20)


def _coloured_noise(count: int, rng: TensorRng) -> Tensor:
    """(B, N_SAMPLES): noise between white and brown, through an equalizer."""
    spectrum = torch.fft.rfft(rng.normal((count, N_SAMPLES)))
    frequency = torch.arange(1, N_SAMPLES // 2 + 2, dtype=torch.float32)[None, :]
    slope = torch.pow(frequency, -rng.uniform((count, 1), 0.0, 1.0))
    noise: Tensor = torch.fft.irfft(spectrum * slope * _equalizer_gains(count, frequency.shape[1], 1.0, rng))
    return noise


def _mu_law(waveforms: Tensor) -> Tensor:
    """Encodes to 8 bits and back, as ITU-T G.711 telephony does."""
    squeezed = torch.sign(waveforms) * torch.log1p(255 * waveforms.abs()) / math.log(256)
    squeezed = torch.round(squeezed * 127) / 127
    return torch.sign(squeezed) * (torch.pow(256.0, squeezed.abs()) - 1) / 255


def augment_features(features: Tensor, rng: TensorRng, kinds: Sequence[Distortion]) -> Tensor:
    """Change each clip's tempo and vocal tract ("warp"), and hide a few frames or bands ("mask").

    features: (B, n_frames, n_mels), log-mel. Returns the same shape.
    """
    count, n_frames, n_mels = features.shape
    if "warp" in kinds:
        tempo = rng.uniform((count, 1), 0.8, 1.25)
        tract = 1 + rng.normal((count, 1)).clamp(-2, 2) * 0.06
        across = ((torch.linspace(0, 1, n_mels)[None, :] * tract) * 2 - 1)[:, None, :].expand(-1, n_frames, -1)
        along = (torch.linspace(-1, 1, n_frames)[None, :] * tempo)[:, :, None].expand(-1, -1, n_mels)
        grid = torch.stack([across, along], dim=3)
        features = functional.grid_sample(features[:, None], grid, padding_mode="border", align_corners=True)[:, 0]
    if "mask" in kinds:
        floor = features.amin(dim=(1, 2), keepdim=True)
        hidden = _stripe(count, n_frames, 8, rng)[:, :, None] + _stripe(count, n_mels, 7, rng)[:, None, :]
        features = torch.where(hidden > 0, floor, features)
    return features


def _stripe(count: int, length: int, max_width: int, rng: TensorRng) -> Tensor:
    """(B, length), 1 in one stripe of up to max_width for half of the clips (SpecAugment, Park et al. 2019)."""
    start = rng.integers((count, 1), 0, length)
    width = rng.integers((count, 1), 0, max_width + 1) * rng.bernoulli(count, 0.5)[:, None].long()
    index = torch.arange(length)[None, :]
    return ((index >= start) & (index < start + width)).float()


def non_digit_waveforms(waveforms: Tensor, rng: TensorRng) -> Tensor:
    """Audio that is not a digit: noise, bursts, hums and reversed speech. (B, N_SAMPLES) in, the same out."""
    count = waveforms.shape[0]
    kind = rng.integers((count, 1), 0, 4)
    noise = _coloured_noise(count, rng)
    start = rng.uniform((count, 1), 0.0, 0.6)
    length = rng.uniform((count, 1), 0.05, 1.0)
    time_s = torch.arange(N_SAMPLES)[None, :] / SAMPLE_RATE_HZ
    burst = noise * ((time_s >= start) & (time_s < start + length)).float()
    pitch_hz = rng.uniform((count, 1), 50, 400)
    hum = sum(torch.sin(2 * math.pi * pitch_hz * k * time_s) / k for k in range(1, 6)) + 0.1 * noise / noise.std()
    audio = torch.where(kind == 0, noise, torch.where(kind == 1, burst, torch.where(kind == 2, hum, waveforms.flip(1))))
    return audio / audio.abs().amax(dim=1, keepdim=True).clamp(min=1e-6)

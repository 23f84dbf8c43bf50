"""What training does to pictures and sounds, a whole batch at a time, each of its members in its own way.

All random numbers come from torch's generator given by the caller, so that a resumed training repeats them.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.transforms.v2 import functional as vision  # type: ignore[import-untyped]

from mmdigit.reading.audio.normalize import N_SAMPLES, SAMPLE_RATE_HZ
from mmdigit.training.fit.plan import Distortion


class Chance:
    """Random tensors from one generator."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def uniform(self, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0) -> Tensor:
        return torch.rand(shape, generator=self.generator) * (high - low) + low

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        return torch.randn(shape, generator=self.generator)

    def happens(self, count: int, probability: float) -> Tensor:
        """(count,), 1.0 where it happens, else 0.0."""
        return (torch.rand(count, generator=self.generator) < probability).float()

    def integers(self, shape: tuple[int, ...], low: int, high: int) -> Tensor:
        return torch.randint(low, high, shape, generator=self.generator)


def augment_pictures(pictures: Tensor, chance: Chance, calm: bool = False) -> Tensor:
    """Slant, turn, stretch, shift and bend each digit, change its stroke, light and edges.

    pictures: (B, 1, 28, 28), range [0, 1], 1 = ink; calm: bent and slanted little. Returns the same shape and range.
    """
    count = pictures.shape[0]
    warped = functional.grid_sample(pictures, _warp(count, chance, calm), align_corners=False)
    bold = functional.max_pool2d(warped, 3, stride=1, padding=1)
    thin = -functional.max_pool2d(-warped, 3, stride=1, padding=1)
    stroke = chance.uniform((count, 1, 1, 1), -0.6, 1.0) * chance.happens(count, 0.5)[:, None, None, None]
    pictures = warped + stroke.clamp(min=0) * (bold - warped) + (-stroke).clamp(min=0) * (thin - warped)
    blurred = vision.gaussian_blur(pictures, [5, 5], [1.0])
    pictures = pictures + chance.uniform((count, 1, 1, 1)) * _sometimes(count, 0.3, chance) * (blurred - pictures)
    pictures = _edge_lines(pictures, chance)
    gamma = 1 + _sometimes(count, 0.4, chance) * chance.uniform((count, 1, 1, 1), -0.4, 0.8)
    pictures = pictures.clamp(0, 1) ** gamma
    faded = 1 - _sometimes(count, 0.3, chance) * chance.uniform((count, 1, 1, 1), 0.0, 0.5)
    noise = chance.normal(tuple(pictures.shape)) * _sometimes(count, 0.2, chance) * 0.08
    return (pictures * faded + noise).clamp(0, 1)


def _sometimes(count: int, probability: float, chance: Chance) -> Tensor:
    return chance.happens(count, probability)[:, None, None, None]


def _warp(count: int, chance: Chance, calm: bool) -> Tensor:
    """A sampling grid (B, 28, 28, 2) for each picture: an affine map and a smooth elastic bend.

    Half of the pictures are changed little, the others up to what other schools and hurried hands write; if calm, all
    are changed little.
    """
    strength = torch.full((count,), 0.4) if calm else 0.5 + 0.5 * chance.happens(count, 0.5)
    angle = chance.uniform((count,), -18, 18) * math.pi / 180 * strength
    shear = chance.uniform((count,), -0.4, 0.4) * strength
    scale_x = 1 + chance.uniform((count,), -0.2, 0.3) * strength
    scale_y = 1 + chance.uniform((count,), -0.15, 0.2) * strength
    move = chance.uniform((count, 2), -2.0, 2.0) * 2 / 28
    cosine, sine = torch.cos(angle), torch.sin(angle)
    first = torch.stack([cosine * scale_x, (shear * cosine - sine) * scale_y, move[:, 0]], dim=1)
    second = torch.stack([sine * scale_x, (shear * sine + cosine) * scale_y, move[:, 1]], dim=1)
    grid = functional.affine_grid(torch.stack([first, second], dim=1), [count, 1, 28, 28], align_corners=False)
    bend = functional.interpolate(chance.normal((count, 2, 5, 5)), size=(28, 28), mode="bicubic", align_corners=False)
    pixels = chance.uniform((count, 1, 1, 1), 0.0, 1.4) * strength[:, None, None, None]  # at one sigma
    return grid + (bend * pixels * 2 / 28).permute(0, 2, 3, 1)


def _edge_lines(pictures: Tensor, chance: Chance) -> Tensor:
    """A piece of a box line near an edge of every eighth picture."""
    count = pictures.shape[0]
    drawn = chance.happens(count, 0.12)
    place = chance.integers((count,), 0, 4)
    far = chance.integers((count,), 0, 2)
    upright = chance.integers((count,), 0, 2)
    index = torch.where(far == 1, 27 - place, place)
    line = functional.one_hot(index, 28).float()
    lines = torch.where(
        upright[:, None, None] == 1, line[:, None, :].expand(-1, 28, -1), line[:, :, None].expand(-1, -1, 28)
    )
    strength = (drawn * chance.uniform((count,), 0.3, 1.0))[:, None, None, None]
    return torch.maximum(pictures, lines[:, None] * strength)


def spoiled_pictures(pictures: Tensor, chance: Chance) -> Tensor:
    """Pictures that are no digit: blanks, noise, smears, lines, scribbles over a digit.

    pictures: (B, 1, 28, 28), digits to spoil. Returns the same shape and range [0, 1].
    """
    count = pictures.shape[0]
    kind = chance.integers((count,), 0, 6)[:, None, None, None]
    blank = chance.uniform((count, 1, 1, 1), 0.0, 0.1) * chance.happens(count, 0.5)[:, None, None, None]
    noise = (chance.normal((count, 1, 28, 28)) * chance.uniform((count, 1, 1, 1), 0.05, 0.5)).abs()
    coarse = chance.normal((count, 1, 5, 5))
    smear = functional.interpolate(coarse, size=(28, 28), mode="bicubic", align_corners=False).clamp(0, 1)
    lines = _edge_lines(_edge_lines(blank.expand(-1, -1, 28, 28), chance), chance)
    strokes = chance.happens(count * 28, 0.35).reshape(count, 1, 28, 1) * torch.ones(1, 1, 1, 28)
    crossed = torch.maximum(pictures, functional.avg_pool2d(strokes, 3, stride=1, padding=1))
    doubled = torch.maximum(pictures, pictures.flip(0).roll(1, 0).rot90(1, (2, 3)))
    choices = (blank.expand(-1, -1, 28, 28), noise, smear, lines, crossed, doubled)
    spoiled = torch.zeros_like(pictures)
    for number, choice in enumerate(choices):
        spoiled = torch.where(kind == number, choice, spoiled)
    return spoiled.clamp(0, 1)


def augment_waveforms(waveforms: Tensor, babble: Tensor, chance: Chance, kinds: Sequence[Distortion]) -> Tensor:
    """Another room, microphone, line and noise for each clip.

    waveforms: (B, N_SAMPLES), range [-1, 1]; babble: (M, N_SAMPLES), clips to make a murmur of, may be none; kinds:
    what is done ("speed", "warp" and "mask" are done elsewhere). Returns (B, N_SAMPLES), range [-1, 1].
    """
    count = waveforms.shape[0]
    if "trim" in kinds:
        waveforms = _trim(waveforms, chance)
    if "shift" in kinds:
        waveforms = _shift(waveforms, chance)
    if "room" in kinds or "equaliser" in kinds:
        spectrum = torch.fft.rfft(waveforms, 2 * N_SAMPLES)  # (B, 8001)
        if "room" in kinds:
            spectrum = spectrum * torch.fft.rfft(_rooms(count, chance), 2 * N_SAMPLES)
        if "equaliser" in kinds:
            spectrum = spectrum * _colour(count, spectrum.shape[1], 0.6, chance)
        waveforms = torch.fft.irfft(spectrum)[:, :N_SAMPLES]
    waveforms = waveforms / waveforms.std(dim=1, keepdim=True).clamp(min=1e-6) * 0.1
    if "noise" in kinds:
        waveforms = waveforms + _noise(count, babble if "babble" in kinds else babble[:0], chance)
    if "click" in kinds:
        waveforms = waveforms + _clicks(count, chance)
    waveforms = waveforms / waveforms.abs().amax(dim=1, keepdim=True).clamp(min=1e-6)
    if "overload" in kinds:
        clipped = (waveforms * chance.uniform((count, 1), 1.5, 6)).clamp(-1, 1)
        waveforms = torch.where(chance.happens(count, 0.08)[:, None] > 0, clipped, waveforms)
    if "codec" in kinds:
        waveforms = torch.where(chance.happens(count, 0.1)[:, None] > 0, _mu_law(waveforms), waveforms)
    return waveforms


def _noise(count: int, babble: Tensor, chance: Chance) -> Tensor:
    """(B, N_SAMPLES), noise for speech of level 0.1: 0-45 dB below it for 70 % of the clips, none for the others."""
    noise = torch.fft.irfft(
        torch.fft.rfft(chance.normal((count, N_SAMPLES))) * _slope(count, chance) * _colour(count, 4001, 1.0, chance)
    )
    if babble.shape[0]:
        murmur = babble[chance.integers((count, 3), 0, babble.shape[0])].sum(dim=1)
        noise = torch.where(chance.happens(count, 0.3)[:, None] > 0, murmur, noise)
    noise = noise / noise.std(dim=1, keepdim=True).clamp(min=1e-6)
    ratio_db = chance.uniform((count, 1), 0, 45)
    scaled: Tensor = noise * 0.1 * 10 ** (-ratio_db / 20)
    return scaled * chance.happens(count, 0.7)[:, None]


def _clicks(count: int, chance: Chance) -> Tensor:
    """(B, N_SAMPLES): a button's click or a puff of breath somewhere in every fifth clip, for speech of level 0.1."""
    time_s = torch.arange(N_SAMPLES)[None, :] / SAMPLE_RATE_HZ - chance.uniform((count, 1), 0.0, 1.0)
    decay_s = torch.exp(chance.uniform((count, 1), math.log(2e-3), math.log(4e-2)))
    envelope = torch.where(time_s >= 0, torch.exp(-time_s.clamp(min=0) / decay_s), torch.zeros(1))
    loudness = torch.exp(chance.uniform((count, 1), math.log(0.02), math.log(0.5)))
    clicks: Tensor = chance.normal((count, N_SAMPLES)) * envelope * loudness
    return clicks * chance.happens(count, 0.2)[:, None]


def _trim(waveforms: Tensor, chance: Chance) -> Tensor:
    """The first or last tenth of the speech cut from every fifth clip, as recorders that wait for a voice do."""
    count = waveforms.shape[0]
    loud = waveforms.abs() > 0.05 * waveforms.abs().amax(dim=1, keepdim=True)
    place = torch.arange(N_SAMPLES)[None, :]
    first = torch.where(loud, place, N_SAMPLES).amin(dim=1, keepdim=True)
    last = torch.where(loud, place, 0).amax(dim=1, keepdim=True)
    length = (last - first).clamp(min=0)
    front = first + length * chance.uniform((count, 1), 0.0, 0.12) * chance.happens(count, 0.2)[:, None] - 1
    back = last - length * chance.uniform((count, 1), 0.0, 0.12) * chance.happens(count, 0.2)[:, None] + 1
    trimmed = (front > first) | (back < last)
    kept = (place >= front) & (place <= back) | ~trimmed
    return waveforms * kept.float()


def _shift(waveforms: Tensor, chance: Chance) -> Tensor:
    """Each clip moved by up to 0.12 s either way, silence moving in."""
    count = waveforms.shape[0]
    reach = SAMPLE_RATE_HZ // 8  # 1000 samples
    padded = functional.pad(waveforms, (reach, reach))
    starts = chance.integers((count, 1), 0, 2 * reach + 1)
    index = starts + torch.arange(N_SAMPLES)[None, :]
    return padded.gather(1, index)


def _rooms(count: int, chance: Chance) -> Tensor:
    """Impulse responses (B, 2000): the direct sound, and for 40 % of the clips a decaying tail of up to 0.25 s."""
    length = SAMPLE_RATE_HZ // 4
    time_s = torch.arange(length) / SAMPLE_RATE_HZ
    decay_s = chance.uniform((count, 1), 0.02, 0.12)
    tail = chance.normal((count, length)) * torch.exp(-time_s[None, :] / decay_s)
    tail = tail / tail.square().sum(dim=1, keepdim=True).sqrt()
    rooms = tail * chance.uniform((count, 1), 0.1, 0.9) * chance.happens(count, 0.4)[:, None]
    rooms[:, 0] = 1.0
    return rooms


def _colour(count: int, n_bins: int, probability: float, chance: Chance) -> Tensor:
    """Gains (B, n_bins): a smooth equalisation within about 6 dB, and sometimes a band limit."""
    points = chance.normal((count, 1, 8)) * 4  # dB
    curve = functional.interpolate(points, size=n_bins, mode="linear", align_corners=True)[:, 0]
    frequency = torch.linspace(0, SAMPLE_RATE_HZ / 2, n_bins)[None, :]
    low = chance.uniform((count, 1), 50, 400)
    high = chance.uniform((count, 1), 2500, 4500)
    band = -30 * ((low - frequency) / low).clamp(0, 1) - 30 * ((frequency - high) / 500).clamp(0, 1)
    gain_db = curve * chance.happens(count, probability)[:, None] + band * chance.happens(count, 0.4)[:, None]
    return torch.pow(10.0, gain_db / 20)


def _slope(count: int, chance: Chance) -> Tensor:
    """Gains (B, 4001) from white to brown noise."""
    frequency = torch.arange(1, N_SAMPLES // 2 + 2, dtype=torch.float32)[None, :]
    return torch.pow(frequency, -chance.uniform((count, 1), 0.0, 1.0))


def _mu_law(waveforms: Tensor) -> Tensor:
    """Coded to 8 bits and back, as ITU-T G.711 telephones do."""
    squeezed = torch.sign(waveforms) * torch.log1p(255 * waveforms.abs()) / math.log(256)
    squeezed = torch.round(squeezed * 127) / 127
    return torch.sign(squeezed) * (torch.pow(256.0, squeezed.abs()) - 1) / 255


def augment_features(features: Tensor, chance: Chance, kinds: Sequence[Distortion]) -> Tensor:
    """Another tempo and vocal tract for each clip ("warp"), and a few frames or bands hidden ("mask").

    features: (B, n_frames, n_mels), log-mel. Returns the same shape.
    """
    count, n_frames, n_mels = features.shape
    if "warp" in kinds:
        tempo = chance.uniform((count, 1), 0.8, 1.25)
        tract = 1 + chance.normal((count, 1)).clamp(-2, 2) * 0.06
        across = ((torch.linspace(0, 1, n_mels)[None, :] * tract) * 2 - 1)[:, None, :].expand(-1, n_frames, -1)
        along = (torch.linspace(-1, 1, n_frames)[None, :] * tempo)[:, :, None].expand(-1, -1, n_mels)
        grid = torch.stack([across, along], dim=3)
        features = functional.grid_sample(features[:, None], grid, padding_mode="border", align_corners=True)[:, 0]
    if "mask" in kinds:
        floor = features.amin(dim=(1, 2), keepdim=True)
        hidden = _stripe(count, n_frames, 8, chance)[:, :, None] + _stripe(count, n_mels, 7, chance)[:, None, :]
        features = torch.where(hidden > 0, floor, features)
    return features


def _stripe(count: int, length: int, widest: int, chance: Chance) -> Tensor:
    """(B, length), 1 in one stripe of up to widest places for half of the clips (SpecAugment, Park et al. 2019)."""
    start = chance.integers((count, 1), 0, length)
    width = chance.integers((count, 1), 0, widest + 1) * chance.happens(count, 0.5)[:, None].long()
    places = torch.arange(length)[None, :]
    return ((places >= start) & (places < start + width)).float()


def not_words(waveforms: Tensor, chance: Chance) -> Tensor:
    """Sounds that are no digit: noises, hums, clicks and speech turned around. (B, N_SAMPLES) in, the same out."""
    count = waveforms.shape[0]
    kind = chance.integers((count, 1), 0, 4)
    noise = torch.fft.irfft(
        torch.fft.rfft(chance.normal((count, N_SAMPLES))) * _slope(count, chance) * _colour(count, 4001, 1.0, chance)
    )
    start = chance.uniform((count, 1), 0.0, 0.6)
    length = chance.uniform((count, 1), 0.05, 1.0)
    time_s = torch.arange(N_SAMPLES)[None, :] / SAMPLE_RATE_HZ
    burst = noise * ((time_s >= start) & (time_s < start + length)).float()
    pitch_hz = chance.uniform((count, 1), 50, 400)
    hum = sum(torch.sin(2 * math.pi * pitch_hz * k * time_s) / k for k in range(1, 6)) + 0.1 * noise / noise.std()
    sounds = torch.where(
        kind == 0, noise, torch.where(kind == 1, burst, torch.where(kind == 2, hum, waveforms.flip(1)))
    )
    return sounds / sounds.abs().amax(dim=1, keepdim=True).clamp(min=1e-6)

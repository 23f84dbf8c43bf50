"""Augments batches of audio for training, each clip in its own way. image_augmentation.py does so with images.

All random numbers come from the caller's generator, so that a resumed training repeats them.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from mmdigit.reading.audio.normalize import N_SAMPLES, SAMPLE_RATE_HZ
from mmdigit.training.plan import Distortion

FADE = 320  # samples: 40 ms, in which a faint beginning or end grows loud


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


def augment_waveforms(waveforms: Tensor, babble: Tensor, rng: TensorRng, kinds: Sequence[Distortion]) -> Tensor:
    """Give each clip another room, microphone, line and noise.

    waveforms: (B, n_samples), range [-1, 1]; babble: (M, n_samples), clips to mix into background speech, and to take
    neighbours from, may be none; kinds: the distortions to apply ("speed", "warp" and "mask" are applied elsewhere;
    "trim", "neighbours" and "shift" are for clips of N_SAMPLES).
    Returns (B, n_samples), range [-1, 1].
    """
    count, size = waveforms.shape
    if "trim" in kinds:
        waveforms = _trim(waveforms, rng)
    if "neighbours" in kinds and babble.shape[0]:
        waveforms = _between_neighbours(waveforms, babble, rng)
    if "shift" in kinds:
        waveforms = _shift(waveforms, rng)
    if "room" in kinds or "equaliser" in kinds:
        spectrum = torch.fft.rfft(waveforms, 2 * size)  # (B, size + 1)
        if "room" in kinds:
            spectrum = spectrum * torch.fft.rfft(_room_responses(count, rng), 2 * size)
        if "equaliser" in kinds:
            spectrum = spectrum * _equalizer_gains(count, spectrum.shape[1], 0.6, rng)
        waveforms = torch.fft.irfft(spectrum)[:, :size]
    waveforms = waveforms / waveforms.std(dim=1, keepdim=True).clamp(min=1e-6) * 0.1
    if "noise" in kinds:
        waveforms = waveforms + _noise(waveforms.shape, babble if "babble" in kinds else babble[:0], rng)
    if "click" in kinds:
        waveforms = waveforms + _clicks(waveforms.shape, rng)
    waveforms = waveforms / waveforms.abs().amax(dim=1, keepdim=True).clamp(min=1e-6)
    if "overload" in kinds:
        clipped = (waveforms * rng.uniform((count, 1), 1.5, 6)).clamp(-1, 1)
        waveforms = torch.where(rng.bernoulli(count, 0.08)[:, None] > 0, clipped, waveforms)
    if "codec" in kinds:
        waveforms = torch.where(rng.bernoulli(count, 0.1)[:, None] > 0, _mu_law(waveforms), waveforms)
    return waveforms


def _noise(shape: torch.Size, babble: Tensor, rng: TensorRng) -> Tensor:
    """(B, n_samples), noise for speech of RMS 0.1: 0-45 dB below it for 70 % of the clips, none for the others."""
    count = shape[0]
    noise = _coloured_noise(shape, rng)
    if babble.shape[0]:
        voices = babble[rng.integers((count, 3), 0, babble.shape[0])].sum(dim=1)
        noise = torch.where(rng.bernoulli(count, 0.3)[:, None] > 0, voices, noise)
    noise = noise / noise.std(dim=1, keepdim=True).clamp(min=1e-6)
    ratio_db = rng.uniform((count, 1), 0, 45)
    scaled: Tensor = noise * 0.1 * 10 ** (-ratio_db / 20)
    return scaled * rng.bernoulli(count, 0.7)[:, None]


def _clicks(shape: torch.Size, rng: TensorRng) -> Tensor:
    """(B, n_samples): a button's click or a breath somewhere in every fifth clip, for speech of RMS 0.1, and in every
    twelfth the low, decaying tone of a pop or a knock."""
    count, size = shape
    duration_s = size / SAMPLE_RATE_HZ
    time_s = torch.arange(size)[None, :] / SAMPLE_RATE_HZ - rng.uniform((count, 1), 0.0, duration_s)
    decay_s = torch.exp(rng.uniform((count, 1), math.log(2e-3), math.log(4e-2)))
    envelope = torch.where(time_s >= 0, torch.exp(-time_s.clamp(min=0) / decay_s), torch.zeros(1))
    loudness = torch.exp(rng.uniform((count, 1), math.log(0.02), math.log(0.5)))
    clicks: Tensor = rng.normal((count, size)) * envelope * loudness * rng.bernoulli(count, 0.2)[:, None]
    time_s = torch.arange(size)[None, :] / SAMPLE_RATE_HZ - rng.uniform(
        (count, 1), 0.05 * duration_s, 0.95 * duration_s
    )
    decay_s = torch.exp(rng.uniform((count, 1), math.log(1e-2), math.log(8e-2)))
    tone = torch.sin(2 * math.pi * rng.uniform((count, 1), 25, 140) * time_s)
    pops = tone * torch.exp(-time_s.clamp(min=0) / decay_s)
    loudness = torch.exp(rng.uniform((count, 1), math.log(0.05), math.log(0.8)))
    return clicks + pops * (time_s >= 0) * loudness * rng.bernoulli(count, 1 / 12)[:, None]


def _trim(waveforms: Tensor, rng: TensorRng) -> Tensor:
    """Cuts up to a fifth of the speech from the beginning or end of every fourth clip, mostly less, as voice-activated
    recorders do; makes the beginning or end of every eighth faint: an f, s or t that the microphone hardly heard."""
    count = waveforms.shape[0]
    first, last = _speech_ends(waveforms)
    index, length = torch.arange(N_SAMPLES)[None, :], (last - first).clamp(min=0)
    front, back = (length * 0.22 * rng.uniform((count, 1)) ** 1.5 * rng.bernoulli(count, 0.25)[:, None] for _ in "ab")
    kept = (index >= first + front - 1) & (index <= last - back + 1) | ((front == 0) & (back == 0))
    for near in (index - first, last - index):  # samples from the beginning, then from the end
        reach = length * rng.uniform((count, 1), 0.1, 0.3)
        loss_db = rng.uniform((count, 1), 0, 26) * rng.bernoulli(count, 1 / 8)[:, None]
        faint = ((reach - near) / FADE + 0.5).clamp(0, 1)  # 1 at the end, 0 inside
        waveforms = waveforms * (1 - faint * (1 - 10 ** (-loss_db / 20)))
    return waveforms * kept.float()


def _speech_ends(waveforms: Tensor) -> tuple[Tensor, Tensor]:
    """The first and the last loud sample of each clip, (B, 1) each."""
    loud = waveforms.abs() > 0.05 * waveforms.abs().amax(dim=1, keepdim=True)
    index = torch.arange(N_SAMPLES)[None, :]
    first = torch.where(loud, index, N_SAMPLES).amin(dim=1, keepdim=True)
    return first, torch.where(loud, index, 0).amax(dim=1, keepdim=True)


def _in_a_row(waveforms: Tensor, others: Tensor, rng: TensorRng) -> Tensor:
    """The end of each digit and the beginning of one of the others, often whole, around the middle of the clip.

    A span of a spoken number that holds no single digit sounds like that.
    """
    count, middle = waveforms.shape[0], N_SAMPLES // 2
    following = _drawn(others, count, rng)
    (first, last), (other_first, other_last) = _speech_ends(waveforms), _speech_ends(following)
    gap = rng.uniform((count, 1), -0.03, 0.06) * SAMPLE_RATE_HZ
    before, after = (
        rng.uniform((count, 1), 0.35, 1.4).clamp(max=1) for _ in range(2)
    )  # the share that is kept of each
    index = torch.arange(N_SAMPLES)[None, :]
    row = torch.zeros_like(waveforms)
    for clip, start, kept in (
        (waveforms, last - middle + gap / 2, (last - (last - first) * before, last)),
        (following, other_first - middle - gap / 2, (other_first, other_first + (other_last - other_first) * after)),
    ):
        place = index + start.round().long()  # of each sample of the row in the clip
        inside = (place >= kept[0]) & (place <= kept[1])
        row = row + clip.gather(1, place.clamp(0, N_SAMPLES - 1)) * inside
    return row


def _drawn(clips: Tensor, count: int, rng: TensorRng) -> Tensor:
    return clips[rng.integers((count,), 0, clips.shape[0])]


def _between_neighbours(waveforms: Tensor, others: Tensor, rng: TensorRng) -> Tensor:
    """Leaves the end of one of the others before every fifth clip, and the beginning of one after every fifth.

    It is 10-80 ms long, of which up to 40 ms overlap the speech. A digit that is cut from a spoken number sounds so.
    """
    count, index = waveforms.shape[0], torch.arange(N_SAMPLES)[None, :]
    first, last = _speech_ends(waveforms)
    peak = waveforms.abs().amax(dim=1, keepdim=True)
    parts = []
    for before in (True, False):
        other = _drawn(others, count, rng)
        other_first, other_last = _speech_ends(other)
        kept = rng.uniform((count, 1), 0.01, 0.08) * SAMPLE_RATE_HZ
        gap = rng.uniform((count, 1), -0.04, 0.03) * SAMPLE_RATE_HZ
        if before:
            place = index + (other_last - first + gap).round().long()  # of each sample of the result in the other clip
            inside = (place >= other_last - kept) & (place <= other_last)
        else:
            place = index + (other_first - last - gap).round().long()
            inside = (place >= other_first) & (place <= other_first + kept)
        loudness = peak / other.abs().amax(dim=1, keepdim=True).clamp(min=1e-6) * rng.bernoulli(count, 0.2)[:, None]
        parts.append(other.gather(1, place.clamp(0, N_SAMPLES - 1)) * inside * loudness)
    return waveforms + parts[0] + parts[1]


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


def _coloured_noise(shape: torch.Size, rng: TensorRng) -> Tensor:
    """(B, n_samples): noise between white and brown, through an equalizer."""
    count = shape[0]
    spectrum = torch.fft.rfft(rng.normal(tuple(shape)))
    frequency = torch.arange(1, spectrum.shape[1] + 1, dtype=torch.float32)[None, :]
    slope = torch.pow(frequency, -rng.uniform((count, 1), 0.0, 1.0))
    noise: Tensor = torch.fft.irfft(spectrum * slope * _equalizer_gains(count, frequency.shape[1], 1.0, rng), shape[1])
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


def non_digit_waveforms(waveforms: Tensor, others: Tensor, rng: TensorRng) -> Tensor:
    """Audio that is not a digit: noise, bursts, hums, reversed speech; as often as all of these, two digits in a row.

    waveforms: (B, N_SAMPLES), digits; others: (M, N_SAMPLES), M > 0, of which one may follow. Returns the shape of
    waveforms.
    """
    count = waveforms.shape[0]
    kind = rng.integers((count, 1), 0, 8)
    noise = _coloured_noise(waveforms.shape, rng)
    start = rng.uniform((count, 1), 0.0, 0.6)
    length = rng.uniform((count, 1), 0.05, 1.0)
    time_s = torch.arange(N_SAMPLES)[None, :] / SAMPLE_RATE_HZ
    burst = noise * ((time_s >= start) & (time_s < start + length)).float()
    pitch_hz = rng.uniform((count, 1), 50, 400)
    hum = sum(torch.sin(2 * math.pi * pitch_hz * k * time_s) / k for k in range(1, 6)) + 0.1 * noise / noise.std()
    audio = _in_a_row(waveforms, others, rng)
    for number, other in enumerate((noise, burst, hum, waveforms.flip(1))):
        audio = torch.where(kind == number, other, audio)
    return audio / audio.abs().amax(dim=1, keepdim=True).clamp(min=1e-6)

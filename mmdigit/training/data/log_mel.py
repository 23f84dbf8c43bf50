"""The log-mel spectrogram, which is a part of the model: augmented clips are kept as that, not as sound."""

import math

import torch
import torchaudio  # type: ignore[import-untyped]
from torch import Tensor, nn

from mmdigit.reading.audio.normalize import N_SAMPLES, SAMPLE_RATE_HZ

N_FFT = 256  # samples: 32 ms
HOP_LENGTH = 160  # samples: 20 ms
N_MELS = 40
N_FRAMES = 1 + (N_SAMPLES - N_FFT) // HOP_LENGTH  # 49: frames inside the clip, none padded
MEL_MIN_HZ, MEL_MAX_HZ = 60.0, 4000.0
MEL_FLOOR = 1e-4  # of the loudest frame's mean power: hides differences more than 40 dB below speech
BAND_MEAN = 0.5  # of each band's mean over the clip is subtracted: removes half of the microphone's and line's colour
FFT_STEPS = 2  # steps of a fast Fourier transform before the matrix products; another step costs more than it saves


class LogMel(nn.Module):
    """Log-mel spectrogram of each waveform, independent of its batch and its level."""

    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        mel = torchaudio.functional.melscale_fbanks(
            N_FFT // 2 + 1, MEL_MIN_HZ, MEL_MAX_HZ, N_MELS, SAMPLE_RATE_HZ, norm=None, mel_scale="htk"
        )
        self.register_buffer("window", torch.hann_window(N_FFT), persistent=False)
        for level, bins in enumerate(_bins_by_level()):
            time = torch.arange(N_FFT >> min(level + 1, FFT_STEPS), dtype=torch.float64)
            angle = 2 * math.pi * time[:, None] * bins[None, :] / N_FFT
            transform = torch.cat([torch.cos(angle), torch.sin(angle)], dim=1)
            self.register_buffer(f"transform_{level}", transform.float(), persistent=False)
            self.register_buffer(f"mel_{level}", mel[bins].repeat(2, 1), persistent=False)

    def power(self, waveform: Tensor) -> Tensor:
        """Mel power spectrogram, equal to torchaudio's MelSpectrogram with center=False.

        waveform: (B, N_SAMPLES), range [-1, 1]. Returns (B, N_FRAMES, N_MELS), at least 0.
        The first steps of a fast Fourier transform, then matrix products: the odd bins come from the difference of a
        frame's two halves, the even ones from their sum, and so on. Source: Gentleman and Sande 1966, "decimation in
        frequency"; two steps take half the time of the full product (python -m lab.benchmarks.model_only).
        """
        hops = waveform.reshape(-1, N_SAMPLES // HOP_LENGTH, HOP_LENGTH)
        rest = hops[:, 1 : 1 + N_FRAMES, : N_FFT - HOP_LENGTH]
        return self.power_of(torch.cat([hops[:, :N_FRAMES], rest], dim=2))

    def power_of(self, frames: Tensor) -> Tensor:
        """frames: (B, n_frames, N_FFT). Returns (B, n_frames, N_MELS)."""
        frames = frames * self.window
        parts = []
        for level in range(FFT_STEPS + 1):
            folded = frames
            if level < FFT_STEPS:
                first, second = frames.chunk(2, dim=2)
                frames, folded = first + second, first - second
            spectrum = folded @ self.get_buffer(f"transform_{level}")  # (B, n, 2 * bins): real, then imaginary
            parts.append((spectrum * spectrum) @ self.get_buffer(f"mel_{level}"))
        return sum(parts[1:], start=parts[0])

    def forward(self, waveform: Tensor) -> Tensor:
        """waveform: (B, N_SAMPLES). Returns (B, N_FRAMES, N_MELS), the decimal log of the power relative to the clip's
        loudest frame, shifted, less a part of each band's mean: about [-2.5, 4]."""
        power = self.power(waveform)
        loudest = power.mean(dim=2).amax(dim=1)[:, None, None]
        log_mel = torch.log10(power / (loudest + 1e-7) + MEL_FLOOR) + 2.8
        return log_mel - BAND_MEAN * log_mel.mean(dim=1, keepdim=True)


def _bins_by_level() -> list[Tensor]:
    """The bins of the spectrum, 0 to N_FFT / 2, that come from each step's difference, and those of the last sum."""
    bins = torch.arange(N_FFT // 2 + 1)
    odd = [bins[bins % (2 << level) == 1 << level] for level in range(FFT_STEPS)]
    return [*odd, bins[bins % (1 << FFT_STEPS) == 0]]

"""The model: a CNN reads the picture, a recurrent net the log-mel of the sound, and both embeddings are fused.

    image (B, 1, 28, 28) -> 4 conv layers -> embedding (B, 128) -> image logits (B, 10), novelty logit (B,)
    waveform (B, 8000) -> log-mel (B, 49, 40) -> GRU, both directions -> embedding (B, 128) -> the same
    both embeddings, or zeros for a missing one -> latent fusion -> fused logits (B, 10)

Everything between the decoders and the logits is in here, so that one exported file holds it.
"""

import math
from typing import NamedTuple

import torch
import torchaudio  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.nn import functional

from mmdigit.audio import N_SAMPLES, SAMPLE_RATE_HZ

N_FFT = 256  # samples: 32 ms
HOP_LENGTH = 160  # samples: 20 ms
N_MELS = 40
N_FRAMES = 1 + (N_SAMPLES - N_FFT) // HOP_LENGTH  # 49: frames inside the clip, none padded
MEL_MIN_HZ, MEL_MAX_HZ = 60.0, 4000.0
MEL_FLOOR = 1e-3  # of the loudest frame's mean power: 30 dB below speech everything is alike
EMBEDDING = 128


class Logits(NamedTuple):
    """What the model gives, unnormalised. image, audio, fused: (B, 10); the novelties: (B,), > 0 = not a digit;
    the embeddings, (B, EMBEDDING): with the flags of presence, all that the fused logits depend on."""

    image: Tensor
    audio: Tensor
    fused: Tensor
    image_novelty: Tensor
    audio_novelty: Tensor
    image_embedding: Tensor
    audio_embedding: Tensor


class LogMel(nn.Module):
    """Log-mel spectrogram of each waveform, independent of its batch and of its level."""

    transform: Tensor
    mel: Tensor

    def __init__(self) -> None:
        super().__init__()
        time = torch.arange(N_FFT, dtype=torch.float64)
        frequency = torch.arange(N_FFT // 2 + 1, dtype=torch.float64)
        angle = 2 * math.pi * frequency[:, None] * time[None, :] / N_FFT
        window = torch.hann_window(N_FFT, dtype=torch.float64)
        transform = torch.cat([torch.cos(angle), torch.sin(angle)]) * window  # a windowed DFT as one convolution
        self.register_buffer("transform", transform.float()[:, None, :], persistent=False)  # (258, 1, 256)
        mel = torchaudio.functional.melscale_fbanks(
            N_FFT // 2 + 1, MEL_MIN_HZ, MEL_MAX_HZ, N_MELS, SAMPLE_RATE_HZ, norm=None, mel_scale="htk"
        )
        self.register_buffer("mel", mel, persistent=False)  # (129, 40)

    def power(self, waveform: Tensor) -> Tensor:
        """Mel power spectrogram, as torchaudio's MelSpectrogram with center=False gives it.

        waveform: (B, N_SAMPLES), range [-1, 1]. Returns (B, N_FRAMES, N_MELS), at least 0.
        """
        parts = functional.conv1d(waveform[:, None, :], self.transform, stride=HOP_LENGTH)  # (B, 258, 49)
        real, imaginary = parts.chunk(2, dim=1)
        spectrum = real * real + imaginary * imaginary  # (B, 129, 49)
        return spectrum.transpose(1, 2) @ self.mel

    def forward(self, waveform: Tensor) -> Tensor:
        """waveform: (B, N_SAMPLES). Returns (B, N_FRAMES, N_MELS), natural log of power relative to the loudest
        frame of the clip, shifted and scaled to about [-1.2, 3]."""
        power = self.power(waveform)
        loudest = power.mean(dim=2).amax(dim=1)[:, None, None]
        return (torch.log(power / (loudest + 1e-7) + MEL_FLOOR) + 4) / 2.5


class ImageEncoder(nn.Module):
    """Four convolutional layers and a projection: (B, 1, 28, 28) -> (B, EMBEDDING)."""

    def __init__(self, widths: tuple[int, int, int, int] = (16, 32, 64, 96), dropout: float = 0.2) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.layers = nn.Sequential(
            *_convolution(1, first),
            *_convolution(first, second),
            nn.MaxPool2d(2),  # (B, 32, 14, 14)
            *_convolution(second, third),
            nn.MaxPool2d(2),  # (B, 64, 7, 7)
            *_convolution(third, fourth),
            nn.MaxPool2d(2),  # (B, 96, 3, 3)
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(fourth * 9, EMBEDDING, bias=False),
            nn.BatchNorm1d(EMBEDDING),
            nn.ReLU(),
        )

    def forward(self, image: Tensor) -> Tensor:
        embedding: Tensor = self.layers(image)
        return embedding


def _convolution(n_in: int, n_out: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU()


class AudioEncoder(nn.Module):
    """Frame projection, one recurrent layer in both directions, mean and maximum over time: -> (B, EMBEDDING)."""

    def __init__(self, width: int = 64, hidden: int = 96, dropout: float = 0.2) -> None:
        super().__init__()
        self.frames = nn.Sequential(
            nn.Conv1d(N_MELS, width, 5, padding=2, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Dropout(dropout / 2),
        )
        self.recurrent = nn.GRU(width, hidden, batch_first=True, bidirectional=True)
        self.project = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(4 * hidden, EMBEDDING, bias=False), nn.BatchNorm1d(EMBEDDING), nn.ReLU()
        )

    def forward(self, features: Tensor) -> Tensor:
        frames = self.frames(features.transpose(1, 2)).transpose(1, 2)  # (B, 49, 64)
        states, _ = self.recurrent(frames)  # (B, 49, 192)
        embedding: Tensor = self.project(torch.cat([states.mean(dim=1), states.amax(dim=1)], dim=1))
        return embedding


class DigitModel(nn.Module):
    """The whole model, 3 heads and 2 novelties."""

    def __init__(self) -> None:
        super().__init__()
        self.log_mel = LogMel()
        self.image_encoder = ImageEncoder()
        self.audio_encoder = AudioEncoder()
        self.image_head = nn.Linear(EMBEDDING, 10)
        self.audio_head = nn.Linear(EMBEDDING, 10)
        self.image_novelty = nn.Sequential(nn.Linear(EMBEDDING, 32), nn.ReLU(), nn.Linear(32, 1))
        self.audio_novelty = nn.Sequential(nn.Linear(EMBEDDING, 32), nn.ReLU(), nn.Linear(32, 1))
        self.fusion = nn.Sequential(nn.Linear(2 * EMBEDDING, EMBEDDING), nn.ReLU(), nn.Linear(EMBEDDING, 10))

    def forward(self, image: Tensor, image_present: Tensor, waveform: Tensor, audio_present: Tensor) -> Logits:
        """image: (B, 1, 28, 28), range [0, 1], 1 = ink; waveform: (B, N_SAMPLES), range [-1, 1];
        image_present, audio_present: (B,), 1 or 0. A missing modality's own logits mean nothing."""
        seen = self.image_encoder(image)
        heard = self.audio_encoder(self.log_mel(waveform))
        return self.heads(seen, image_present, heard, audio_present)

    def heads(self, seen: Tensor, image_present: Tensor, heard: Tensor, audio_present: Tensor) -> Logits:
        """From the two embeddings, each (B, EMBEDDING), and which of them are real, each (B,), 1 or 0."""
        image, audio = self.image_head(seen), self.audio_head(heard)
        image_gate, audio_gate = image_present[:, None], audio_present[:, None]
        # Latent fusion: the two heads' evidence added, corrected by what both embeddings say together.
        correction = self.fusion(torch.cat([seen * image_gate, heard * audio_gate], dim=1))
        fused = image * image_gate + audio * audio_gate + correction
        image_novelty, audio_novelty = self.image_novelty(seen).squeeze(1), self.audio_novelty(heard).squeeze(1)
        return Logits(image, audio, fused, image_novelty, audio_novelty, seen, heard)


def count_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())

"""The model: a CNN encodes the image, a recurrent network the log-mel spectrogram; fusion reads both embeddings.

    image (B, 1, 28, 28) -> 4 conv layers -> embedding (B, 128) -> image logits (B, 10), novelty logit (B,)
    waveform (B, 8000) -> log-mel (B, 49, 40) -> bidirectional GRU -> embedding (B, 128) -> the same
    weighted sum of both heads' logits, zeros for a missing one, and a correction from both embeddings
        -> fused logits (B, 10)

Everything between the decoders and the logits is part of the model, so that one exported file holds it. The two
classifiers are trained separately, so that neither gets worse when the other modality is missing.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmdigit.training.data.log_mel import N_MELS, LogMel

EMBEDDING = 128
DROPOUT = 0.3


class ModelOutput(NamedTuple):
    """image, audio, fused: logits, (B, 10); the novelties: logits, (B,), > 0 = not a digit; the embeddings:
    (B, EMBEDDING)."""

    image: Tensor
    audio: Tensor
    fused: Tensor
    image_novelty: Tensor
    audio_novelty: Tensor
    image_embedding: Tensor
    audio_embedding: Tensor


class UnimodalOutput(NamedTuple):
    """embedding: (B, EMBEDDING); logits: (B, 10); novelty: logit, (B,), > 0 = not a digit."""

    embedding: Tensor
    logits: Tensor
    novelty: Tensor


class ImageEncoder(nn.Module):
    """Four convolutional layers and a projection: (B, 1, 28, 28) -> (B, EMBEDDING)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_convolution(1, 32, 5),
            nn.MaxPool2d(2),  # (B, 32, 14, 14)
            *_convolution(32, 48, 3),
            *_convolution(48, 64, 3),
            nn.MaxPool2d(2),  # (B, 64, 7, 7)
            *_convolution(64, 112, 3),
            nn.MaxPool2d(2),  # (B, 112, 3, 3)
            nn.Flatten(),
            nn.Dropout(DROPOUT),
            nn.Linear(112 * 9, EMBEDDING, bias=False),
            nn.BatchNorm1d(EMBEDDING),
            nn.ReLU(),
        )

    def forward(self, image: Tensor) -> Tensor:
        embedding: Tensor = self.layers(image)
        return embedding


def _convolution(n_in: int, n_out: int, kernel: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(n_in, n_out, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(n_out), nn.ReLU()


class AudioEncoder(nn.Module):
    """Three convolutions over time, the last one halves the frames; a bidirectional GRU; mean and maximum over time:
    (B, N_FRAMES, N_MELS) -> (B, EMBEDDING).

    width: channels of the convolutions; hidden: units of the GRU in each direction; layers: of the GRU.
    """

    def __init__(self, width: int = 96, hidden: int = 64, layers: int = 1) -> None:
        super().__init__()
        self.frames = nn.Sequential(
            nn.Conv1d(N_MELS, width, 5, padding=2, bias=False),  # every 20 ms, over 112 ms
            nn.BatchNorm1d(width),
            nn.ReLU(),
        )
        self.neighbours = nn.Sequential(
            nn.Conv1d(width, width, 3, padding=1, bias=False),  # residual: widens the context by a frame on each side
            nn.BatchNorm1d(width),
        )
        self.halve = nn.Sequential(  # a step every 40 ms: the GRU, the dearest part, runs half as often
            nn.Conv1d(width, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm1d(width), nn.ReLU()
        )
        self.dropout = nn.Dropout(DROPOUT / 2)
        self.recurrent = nn.GRU(
            width, hidden, num_layers=layers, bidirectional=True, dropout=DROPOUT if layers > 1 else 0.0
        )
        self.project = nn.Sequential(
            nn.Dropout(DROPOUT), nn.Linear(4 * hidden, EMBEDDING, bias=False), nn.BatchNorm1d(EMBEDDING), nn.ReLU()
        )

    def forward(self, features: Tensor) -> Tensor:
        frames = self.frames(features.transpose(1, 2))  # (B, 96, 49)
        frames = self.dropout(self.halve(functional.relu(frames + self.neighbours(frames))))  # (B, 96, 25)
        states = self.recurrent(frames.permute(2, 0, 1))[0].permute(1, 2, 0)  # (B, 128, 25)
        embedding: Tensor = self.project(
            torch.cat([states.mean(dim=2), functional.adaptive_max_pool1d(states, 1)[:, :, 0]], dim=1)
        )
        return embedding


class UnimodalClassifier(nn.Module):
    """An encoder of one modality with its ten logits and its novelty."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(EMBEDDING, 10)
        self.novelty = nn.Sequential(nn.Linear(EMBEDDING, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, inputs: Tensor) -> UnimodalOutput:
        """inputs: images (B, 1, 28, 28) or log-mels (B, N_FRAMES, N_MELS)."""
        embedding = self.encoder(inputs)
        return UnimodalOutput(embedding, self.head(embedding), self.novelty(embedding).squeeze(1))


class Fusion(nn.Module):
    """Adds the calibrated log-probabilities of both heads, up to a constant, and a correction that it learns from both
    embeddings: how far to trust each in this noise and in this handwriting.

    weight: (2,), the inverse temperatures of image and audio, set when the model is calibrated. Untrained, and where a
    modality is missing, the correction is zero.
    """

    weight: Tensor

    def __init__(self, hidden: int = 48) -> None:
        super().__init__()
        self.register_buffer("weight", torch.ones(2))
        self.from_image = nn.Linear(EMBEDDING, hidden)
        self.from_audio = nn.Linear(EMBEDDING, hidden, bias=False)
        self.correction = nn.Linear(hidden, 10, bias=False)
        nn.init.zeros_(self.correction.weight)

    def forward(
        self, image: UnimodalOutput, image_present: Tensor, audio: UnimodalOutput, audio_present: Tensor
    ) -> Tensor:
        """image_present, audio_present: (B,), 1 or 0. Returns (B, 10)."""
        image_logits = self.weight[0] * image.logits * image_present[:, None]
        audio_logits = self.weight[1] * audio.logits * audio_present[:, None]
        hidden = functional.relu(self.from_image(image.embedding) + self.from_audio(audio.embedding))
        both = (image_present * audio_present)[:, None]
        fused: Tensor = image_logits + audio_logits + both * self.correction(hidden)
        return fused


class DigitModel(nn.Module):
    """The whole model: image, audio and fused heads, and the novelty of each modality."""

    def __init__(self) -> None:
        super().__init__()
        self.log_mel = LogMel()
        self.image = UnimodalClassifier(ImageEncoder())
        self.audio = UnimodalClassifier(AudioEncoder())
        self.fusion = Fusion()

    def forward(self, image: Tensor, image_present: Tensor, waveform: Tensor, audio_present: Tensor) -> ModelOutput:
        """image: (B, 1, 28, 28), range [0, 1], 1 = ink; waveform: (B, N_SAMPLES), range [-1, 1];
        image_present, audio_present: (B,), 1 or 0. Ignore a missing modality's own logits."""
        from_image: UnimodalOutput = self.image(image)
        from_audio: UnimodalOutput = self.audio(self.log_mel(waveform))
        return ModelOutput(
            image=from_image.logits,
            audio=from_audio.logits,
            fused=self.fusion(from_image, image_present, from_audio, audio_present),
            image_novelty=from_image.novelty,
            audio_novelty=from_audio.novelty,
            image_embedding=from_image.embedding,
            audio_embedding=from_audio.embedding,
        )


def count_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())

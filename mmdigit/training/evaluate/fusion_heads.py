"""Other ways to fuse, which the shipped fused head is compared with: the sum alone, concatenation, and gates."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmdigit.training.fit.model import Fusion, UnimodalOutput

HIDDEN = 48


class Concatenation(Fusion):
    """Two layers on both embeddings, in place of the sum. It needs both modalities."""

    def __init__(self) -> None:
        super().__init__(HIDDEN)
        nn.init.xavier_uniform_(self.correction.weight)

    def forward(
        self, image: UnimodalOutput, image_present: Tensor, audio: UnimodalOutput, audio_present: Tensor
    ) -> Tensor:
        """As Fusion."""
        hidden = functional.relu(self.from_image(image.embedding) + self.from_audio(audio.embedding))
        fused: Tensor = self.correction(hidden)
        return fused


class Gates(Fusion):
    """The sum, each head's logits scaled by a number between 0 and 2 that both embeddings decide; at first 1."""

    def __init__(self) -> None:
        super().__init__(HIDDEN)
        self.gates = nn.Linear(HIDDEN, 2)
        nn.init.zeros_(self.gates.weight)
        nn.init.zeros_(self.gates.bias)

    def forward(
        self, image: UnimodalOutput, image_present: Tensor, audio: UnimodalOutput, audio_present: Tensor
    ) -> Tensor:
        """As Fusion."""
        hidden = functional.relu(self.from_image(image.embedding) + self.from_audio(audio.embedding))
        gates = 2 * torch.sigmoid(self.gates(hidden))
        scaled = [
            gates[:, place, None] * self.weight[place] * each.logits * present[:, None]
            for place, (each, present) in enumerate(((image, image_present), (audio, audio_present)))
        ]
        return scaled[0] + scaled[1]


FUSED_HEADS: dict[str, type[Fusion]] = {"concatenation": Concatenation, "gates": Gates, "correction": Fusion}
"""Those that are trained, by name; the sum is the untrained Fusion."""

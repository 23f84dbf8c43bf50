"""What trained classifiers answer, in batches, without gradients."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from mmdigit.reading.audio.normalize import Waveform, speech_window
from mmdigit.training.data.log_mel import LogMel
from mmdigit.training.data.splits import Clip
from mmdigit.training.fit.model import UnimodalClassifier, UnimodalOutput

BATCH = 512


def join_outputs(outputs: Iterable[UnimodalOutput]) -> UnimodalOutput:
    """The outputs of several batches as those of one."""
    return UnimodalOutput(*map(torch.cat, zip(*outputs, strict=True)))


@torch.no_grad()
def predict_images(model: UnimodalClassifier, images: NDArray[np.uint8]) -> UnimodalOutput:
    """The classifier's outputs for all images, (N, 28, 28), 255 = ink."""
    inputs = torch.from_numpy(images.astype(np.float32) / 255)[:, None]
    return join_outputs(map(model, torch.split(inputs, BATCH)))


@torch.no_grad()
def predict_waveforms(model: UnimodalClassifier, waveforms: Sequence[Waveform]) -> UnimodalOutput:
    """The classifier's outputs for waveforms as the decoder returns them, each (N_SAMPLES,)."""
    log_mel = LogMel()
    inputs = torch.from_numpy(np.stack(waveforms).astype(np.float32))
    return join_outputs(model(log_mel(chunk)) for chunk in torch.split(inputs, BATCH))


def predict_clips(model: UnimodalClassifier, clips: Sequence[Clip]) -> UnimodalOutput:
    """The classifier's outputs for all clips, each cut to length as the decoder does."""
    return predict_waveforms(model, [speech_window(clip.waveform) for clip in clips])

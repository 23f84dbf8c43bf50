"""The model: image and audio bytes in, an answer out. Knows nothing of queues and stores."""

from mmdigit.audio import decode_audio
from mmdigit.image import decode_image
from mmdigit.predictor import Predictor, Sample, read_sample

__all__ = ["Predictor", "Sample", "decode_audio", "decode_image", "read_sample"]

"""The model: image and audio bytes in, an answer out. Knows nothing of queues and stores."""

import importlib
import typing

if typing.TYPE_CHECKING:
    from mmdigit.reading.audio.normalize import decode_audio
    from mmdigit.reading.digit_reader import DigitReader, load
    from mmdigit.reading.image.normalize import decode_image
    from mmdigit.reading.predictor import Predictor, Sample, read_sample
else:
    # Imported when first asked for: numpy, OpenCV and ONNX Runtime take half a second that `import mmdigit` need not.
    _MODULES = {
        "DigitReader": "mmdigit.reading.digit_reader",
        "Predictor": "mmdigit.reading.predictor",
        "Sample": "mmdigit.reading.predictor",
        "decode_audio": "mmdigit.reading.audio.normalize",
        "decode_image": "mmdigit.reading.image.normalize",
        "load": "mmdigit.reading.digit_reader",
        "read_sample": "mmdigit.reading.predictor",
    }

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module 'mmdigit' has no attribute {name!r}")
        globals()[name] = value = getattr(importlib.import_module(_MODULES[name]), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *_MODULES})


__all__ = ["DigitReader", "Predictor", "Sample", "decode_audio", "decode_image", "load", "read_sample"]

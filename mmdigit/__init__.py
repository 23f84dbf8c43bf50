"""Reads digits: image and audio bytes in, an answer out."""

import importlib
import typing

if typing.TYPE_CHECKING:
    from mmdigit.reading.audio.normalize import decode_audio
    from mmdigit.reading.digit_reader import DigitReader, load
    from mmdigit.reading.image.normalize import decode_image
    from mmdigit.reading.model_input import ModelInput, decode_input
    from mmdigit.reading.predictor import Predictor
else:
    # Imported on first use: numpy, OpenCV and ONNX Runtime take half a second, which `import mmdigit` need not.
    _MODULES = {
        "DigitReader": "mmdigit.reading.digit_reader",
        "ModelInput": "mmdigit.reading.model_input",
        "Predictor": "mmdigit.reading.predictor",
        "decode_audio": "mmdigit.reading.audio.normalize",
        "decode_image": "mmdigit.reading.image.normalize",
        "decode_input": "mmdigit.reading.model_input",
        "load": "mmdigit.reading.digit_reader",
    }

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module 'mmdigit' has no attribute {name!r}")
        globals()[name] = value = getattr(importlib.import_module(_MODULES[name]), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *_MODULES})


__all__ = ["DigitReader", "ModelInput", "Predictor", "decode_audio", "decode_image", "decode_input", "load"]

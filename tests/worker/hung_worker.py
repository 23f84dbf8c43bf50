"""A worker whose model hangs in its first call."""

import ctypes
import sys
from collections.abc import Sequence

from mmdigit.reading.model_input import ModelInput
from mmdigit.reading.predictor import Predictor
from schemas.prediction import Answer
from worker import process
from worker.__main__ import main


class HungPredictor(Predictor):
    """Hangs in a C call, where Python handles no signal. It loops because each signal ends a sleep."""

    def warm_up(self) -> None:
        """Let the worker start."""

    def predict(self, samples: Sequence[ModelInput]) -> list[Answer]:
        sys.stderr.write("hangs\n")
        while True:
            ctypes.CDLL(None).sleep(3600)


if __name__ == "__main__":
    process.Predictor = HungPredictor  # type: ignore[attr-defined]
    sys.exit(main())

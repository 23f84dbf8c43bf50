"""What every peer does with its jobs (decode, predict, write to Redis), and the command line that all share.

`--decoding ours` uses this project's decoders and model file, so that only the loop differs. `own` is what one writes
first: JSON, Pillow, torchaudio, the same network in eager PyTorch. A bad job is not isolated.
"""

import argparse
import base64
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import redis

TTL_S = 7 * 86_400

Answers = list[tuple[str, dict[str, Any]]]
"""(job_id, stored value)."""


def parse_command_line(description: str | None) -> argparse.Namespace:
    """The command line of every peer."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--redis", required=True)
    parser.add_argument("--group", default="peers")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--wait-s", type=float, default=0.01)
    parser.add_argument("--decoding", choices=("ours", "own"), required=True)
    parser.add_argument("--state", type=Path, required=True, help="folder of what a program itself keeps across starts")
    return parser.parse_args()


class Answering:
    """parse(bytes) returns a job; a call with jobs decodes, predicts, and writes all answers in one Redis pipeline."""

    def __init__(self, decoding: str, redis_url: str) -> None:
        self.parse: Callable[[bytes], Any]
        self._answer: Callable[[Sequence[Any]], Answers]
        self.parse, self._answer = _ours() if decoding == "ours" else _own()
        self._redis = redis.Redis.from_url(redis_url)

    def __call__(self, jobs: Sequence[Any]) -> None:
        with self._redis.pipeline(transaction=False) as pipeline:
            for job_id, answer in self._answer(jobs):
                pipeline.set(f"mmdigit:prediction:{job_id}", json.dumps(answer), ex=TTL_S)
            pipeline.execute()


def _ours() -> tuple[Callable[[bytes], Any], Callable[[Sequence[Any]], Answers]]:
    from mmdigit.reading.batch_decoding import decode_batch
    from mmdigit.reading.model_input import ModelInput
    from mmdigit.reading.predictor import Predictor
    from schemas.wire import decode_job

    predictor = Predictor.load()
    predictor.warm_up()

    def answer(jobs: Sequence[Any]) -> Answers:
        samples = decode_batch([(job.image, job.audio) for job in jobs])
        for sample in samples:
            if isinstance(sample, Exception):
                raise sample
        answers = predictor.predict([sample for sample in samples if isinstance(sample, ModelInput)])
        return [(job.job_id, found.model_dump(mode="json")) for job, found in zip(jobs, answers, strict=True)]

    return decode_job, answer


def _own() -> tuple[Callable[[bytes], Any], Callable[[Sequence[Any]], Answers]]:
    import numpy as np
    import soundfile  # type: ignore[import-untyped]
    import torch
    import torchaudio  # type: ignore[import-untyped]
    from PIL import Image
    from torch.nn import functional

    from mmdigit.training.fit.model import DigitModel

    torch.set_num_threads(1)
    model = DigitModel().eval()  # random weights cost the same as trained ones
    n_samples, rate_hz = 8000, 8000

    def image_tensor(data: bytes) -> torch.Tensor:
        grey = Image.open(io.BytesIO(data)).convert("L").resize((28, 28))
        return torch.from_numpy(np.asarray(grey, np.float32) / 255)[None]

    def waveform(data: bytes) -> torch.Tensor:
        # Since 2.9 torchaudio.load needs torchcodec; before, it read WAV files with soundfile.
        samples, file_rate_hz = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
        mono = torchaudio.functional.resample(torch.from_numpy(samples).mean(dim=1), file_rate_hz, rate_hz)[:n_samples]
        return functional.pad(mono, (0, n_samples - mono.shape[0]))

    @torch.inference_mode()
    def answer(jobs: Sequence[Any]) -> Answers:
        images = torch.stack([image_tensor(base64.urlsafe_b64decode(job["image"])) for job in jobs])
        waveforms = torch.stack([waveform(base64.urlsafe_b64decode(job["audio"])) for job in jobs])
        present = torch.ones(len(jobs))
        probabilities = model(images, present, waveforms, present).fused.softmax(dim=1)
        return [
            (job["job_id"], {"label": int(row.argmax()), "confidence": float(row.max()), "probabilities": row.tolist()})
            for job, row in zip(jobs, probabilities, strict=True)
        ]

    return json.loads, answer

"""What every contestant does with its jobs, and the command line that all share: decode, predict, write to Redis.

Two ways: `ours`, with this project's decoders and model file, so that the loop alone differs; `own`, what a person
writes first: JSON, Pillow, torchaudio, the same net in eager PyTorch. Nothing isolates a bad job here.
"""

import argparse
import base64
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import redis

TTL_S = 7 * 86_400

Answers = list[tuple[str, dict[str, Any]]]
"""(job_id, what is stored of it)."""


def arguments(description: str | None) -> argparse.Namespace:
    """The command line of every contestant."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--redis", required=True)
    parser.add_argument("--group", default="peers")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--wait-s", type=float, default=0.01)
    parser.add_argument("--decoding", choices=("ours", "own"), required=True)
    return parser.parse_args()


class Answering:
    """parse: a record's bytes to a job; called with jobs: decode, predict, and write all to Redis in one pipeline."""

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
    model = DigitModel().eval()  # weights drawn at random: they cost what trained ones cost
    n_samples, rate_hz = 8000, 8000

    def picture(data: bytes) -> torch.Tensor:
        grey = Image.open(io.BytesIO(data)).convert("L").resize((28, 28))
        return torch.from_numpy(np.asarray(grey, np.float32) / 255)[None]

    def sound(data: bytes) -> torch.Tensor:
        # torchaudio.load asks for torchcodec since 2.9; soundfile is what it read WAV files with before.
        samples, came_hz = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
        mono = torchaudio.functional.resample(torch.from_numpy(samples).mean(dim=1), came_hz, rate_hz)[:n_samples]
        return functional.pad(mono, (0, n_samples - mono.shape[0]))

    @torch.inference_mode()
    def answer(jobs: Sequence[Any]) -> Answers:
        images = torch.stack([picture(base64.urlsafe_b64decode(job["image"])) for job in jobs])
        sounds = torch.stack([sound(base64.urlsafe_b64decode(job["audio"])) for job in jobs])
        here = torch.ones(len(jobs))
        probabilities = model(images, here, sounds, here).fused.softmax(dim=1)
        return [
            (job["job_id"], {"label": int(row.argmax()), "confidence": float(row.max()), "probabilities": row.tolist()})
            for job, row in zip(jobs, probabilities, strict=True)
        ]

    return json.loads, answer

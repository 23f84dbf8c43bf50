"""The types that cross a process boundary: jobs, predictions and dead letters, and the error tree."""

from schemas.dead_letter import DeadLetter
from schemas.job import Job
from schemas.prediction import Answer, HeadAnswer, Prediction, Source, Timings
from schemas.wire import decode_dead_letter, decode_job, encode

__all__ = [
    "VERSION",
    "Answer",
    "DeadLetter",
    "HeadAnswer",
    "Job",
    "Prediction",
    "Source",
    "Timings",
    "decode_dead_letter",
    "decode_job",
    "encode",
]

VERSION = "0.8.0"
"""The version of the whole project."""

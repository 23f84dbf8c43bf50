"""The types that cross a process boundary: jobs, pages, predictions and dead letters, and the error tree."""

from schemas.dead_letter import DeadLetter
from schemas.job import Job
from schemas.page import Page
from schemas.prediction import Answer, HeadAnswer, Prediction, Source, Timings
from schemas.wire import decode_dead_letter, decode_job, decode_page, encode

__all__ = [
    "VERSION",
    "Answer",
    "DeadLetter",
    "HeadAnswer",
    "Job",
    "Page",
    "Prediction",
    "Source",
    "Timings",
    "decode_dead_letter",
    "decode_job",
    "decode_page",
    "encode",
]

VERSION = "0.8.0"
"""The version of the whole project."""

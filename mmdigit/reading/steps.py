"""Calls that pause between their steps, so that many can take turns: the code of a step then stays in the caches.

Decoding runs through more code than the caches hold: 32 photographed boxes in turns take a fifth less time than one
after the other (lab.benchmarks.wire).
"""

from collections.abc import Generator, Iterable
from typing import TypeVar

T = TypeVar("T")

Steps = Generator[None, None, T]


def run(steps: Steps[T]) -> T:
    """Run all steps of one call. Returns its result; raises what it raises."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


def run_in_turns(calls: Iterable[Steps[T]]) -> list[T | Exception]:
    """Run the first step of each call, then the next of each, and so on. Returns what each returns or raises."""
    results: dict[int, T | Exception] = {}
    running = dict(enumerate(calls))
    while running:
        for number, steps in list(running.items()):
            try:
                next(steps)
                continue
            except StopIteration as end:
                results[number] = end.value
            except Exception as exc:  # an unforeseen failure must not stop the other calls
                results[number] = exc
            del running[number]
    return [results[number] for number in sorted(results)]

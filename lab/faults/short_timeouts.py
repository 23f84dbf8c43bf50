"""Runs the worker with short session and poll timeouts: `python -m lab.faults.short_timeouts PYTHON -m worker ...`.

It loses its partitions after ten seconds instead of two minutes. The session is the shortest that a broker allows by
default.
"""

import runpy
import sys

from mmdigit.transport.kafka import consumer

SESSION_TIMEOUT_MS = 6_000
MAX_POLL_INTERVAL_MS = 8_000

if __name__ == "__main__":
    consumer.SESSION_TIMEOUT_MS = SESSION_TIMEOUT_MS
    consumer.MAX_POLL_INTERVAL_MS = MAX_POLL_INTERVAL_MS
    _python, _m, module, *arguments = sys.argv[1:]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)

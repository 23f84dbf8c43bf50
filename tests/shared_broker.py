"""One broker for all processes of a parallel test run: each would take 6 s of CPU to start, and more while it idles."""

import threading
from pathlib import Path
from tempfile import mkdtemp

import pytest

from lab.kit.polling import until
from lab.kit.services import docker_problem, kafka_broker

SETTINGS = {"LOG_CLEANER_BACKOFF_MS": "200", "GROUP_MIN_SESSION_TIMEOUT_MS": "1000"}
"""Compaction starts at once, and sessions may be shorter than 6 s."""
_KEY = "shared_broker"


class SharedBroker:
    """The plugin of the process that starts the others. It starts the broker in the background, which may take longer
    than the tests that need none."""

    def __init__(self) -> None:
        self._folder = Path(mkdtemp(prefix="mmdigit-broker-"))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def pytest_configure_node(self, node: object) -> None:
        node.workerinput[_KEY] = str(self._folder)  # type: ignore[attr-defined]

    def pytest_unconfigure(self) -> None:
        self._ended.set()
        self._thread.join()
        for file in self._folder.iterdir():
            file.unlink()
        self._folder.rmdir()

    def _run(self) -> None:
        try:
            with kafka_broker(**SETTINGS) as bootstrap:
                self._say("address", bootstrap)
                self._ended.wait()
        except Exception as error:
            self._say("error", repr(error))

    def _say(self, name: str, text: str) -> None:
        partial = self._folder / f"{name}.partial"
        partial.write_text(text)
        partial.rename(self._folder / name)


def share_broker(config: pytest.Config) -> None:
    """Start one if this process starts others, and the run has tests that need it."""
    is_parallel = bool(config.getoption("numprocesses", None)) and not hasattr(config, "workerinput")
    if is_parallel and "not docker" not in config.getoption("markexpr") and docker_problem() is None:
        config.pluginmanager.register(SharedBroker())


def shared_bootstrap(config: pytest.Config) -> str | None:
    """host:port of the broker that is shared; None if this process has to start its own. Fails if it did not start."""
    told = getattr(config, "workerinput", {}).get(_KEY)
    if told is None:
        return None
    address, error = Path(told) / "address", Path(told) / "error"
    until(lambda: address.exists() or error.exists(), "a broker")
    if error.exists():
        pytest.fail(f"expected a broker, got {error.read_text()}", pytrace=False)
    return address.read_text()

"""A filled page through page worker, worker and collector, with its fields keyed for control."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from mmdigit.forms.loading import load_template
from mmdigit.forms.store.ports import Change, NewChange
from mmdigit.forms.store.sql_store import open_page_store
from samples.api import FORM, write_page
from samples.running import RunningConsumer


class FormRun:
    """A page of the example form, in a queue file whose jobs another program answers."""

    def __init__(self, queue_url: str, folder: Path) -> None:
        self._folder, self._queue = folder, queue_url
        self._pages, self._forms = f"{queue_url}?topic=pages", f"sqlite:///{folder / 'forms.db'}"

    def page_worker(self) -> RunningConsumer:
        """A page worker that has just been started."""
        urls = ["--from", self._pages, "--jobs", self._queue, "--forms", self._forms, "--template", str(FORM)]
        return RunningConsumer(
            [sys.executable, "-m", "mmdigit.forms", "worker", *urls], self._folder / "page-worker.log"
        )

    def decide_and_key(self) -> None:
        """Send a page, wait until its fields are decided, and key those that were accepted, as they were read."""
        page = write_page(self._folder / "page.pdf")
        self._form("send", str(page), "--to", self._pages, "--journal-dir", str(self._folder))
        self._form(*self._collect, "--expect", "1", "--wait-timeout-s", "600")
        with open_page_store(self._forms) as store:
            [(kept, records)] = store.pages(load_template(FORM).digest)
            accepted = [record.value for record in records if record.value.decision == "accept"]
            now = datetime.now(UTC)
            store.put_changes(
                [NewChange(kept.group, each.name, Change("control", each.text, "Ada", now, 1.0)) for each in accepted]
            )

    @contextmanager
    def collector(self, port: int) -> Iterator[None]:
        """A collector with its metrics at that port; it shows what is decided and keyed when it starts."""
        command = [sys.executable, "-m", "mmdigit", "form", *self._collect, "--follow", "--metrics-port", str(port)]
        with RunningConsumer(command, self._folder / "collector.log") as running:
            running.wait_until_ready()
            yield

    @property
    def _collect(self) -> list[str]:
        return ["collect", "--template", str(FORM), "--forms", self._forms, "--store", self._queue]

    @staticmethod
    def _form(*arguments: str) -> None:
        command = [sys.executable, "-m", "mmdigit", "form", *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

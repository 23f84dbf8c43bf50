"""`mmdigit form collect`: it ends when all is decided, or serves until SIGTERM with metrics and health."""

import io
import re
import signal
import sys
import urllib.request
from pathlib import Path

import pytest

from lab.kit.polling import until
from lab.kit.services import free_port
from mmdigit import cli
from mmdigit.database.engine import open_engine
from mmdigit.forms.collecting.metrics import FORM_METRICS, CollectMetrics
from mmdigit.forms.collecting.progress import ProgressLine, Standing
from mmdigit.forms.collecting.service import STUCK_AFTER_S, Collection
from mmdigit.forms.reviewing.control import ControlledWeek
from mmdigit.forms.store.ports import PageCounts, StoredPage
from mmdigit.forms.store.sql_store import SqlPageStore, open_page_store
from mmdigit.forms.store.tables import FORMS
from mmdigit.forms.template.parsing import example
from mmdigit.telemetry.health import Status
from mmdigit.transport.urls import open_store
from schemas.errors import StoreError
from tests.mmdigit.forms.store.kept import fault, form_page, predictions
from tests.mmdigit.forms.written import TEMPLATE
from tests.processes import Start

PAGES = [form_page(number, "12345674") for number in (1, 2, 3)]


def urls(folder: Path) -> list[str]:
    (folder / "form.yaml").write_bytes(example())
    forms, store = f"sqlite:///{folder / 'forms.db'}", f"sqlite:///{folder / 'predictions.db'}"
    return ["--template", str(folder / "form.yaml"), "--forms", forms, "--store", store]


def put(arguments: list[str], answered: int) -> None:
    with open_page_store(arguments[3]) as forms, open_store(arguments[5]) as answers:
        forms.put_pages([*PAGES, fault(9)])
        forms.put_pages([form_page(8, template="another")])
        for page in PAGES[:answered]:
            answers.put(predictions(page))


def test_collect_ends_when_every_page_is_decided(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = urls(tmp_path)
    put(arguments, 3)
    assert cli.main(["form", "collect", *arguments]) == 0
    said = "3 of 3 pages, 57 fields accepted, 6 to review, 0 pages failed\n"
    assert capsys.readouterr().out == said
    assert cli.main(["form", "collect", *arguments]) == 0
    assert capsys.readouterr().out == said


def test_collect_refuses_an_empty_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = urls(tmp_path)
    with open_store(arguments[5]):
        assert cli.main(["form", "collect", *arguments]) == 2
    assert "got none yet; start the page worker first" in capsys.readouterr().err


def test_collect_tells_what_it_waits_for_in_vain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = urls(tmp_path)
    put(arguments, 2)
    assert cli.main(["form", "collect", *arguments, "--wait-timeout-s", "0.01"]) == 1
    printed = capsys.readouterr()
    assert printed.out.startswith("2 of 3 pages")
    assert "run it again, nothing is lost" in printed.err
    assert cli.main(["form", "collect", *arguments, "--expect", "2"]) == 0
    assert cli.main(["form", "collect", *arguments, "--expect", "9", "--wait-timeout-s", "0.01"]) == 1


def test_collect_follow_serves_metrics_until_sigterm(tmp_path: Path, start: Start) -> None:
    arguments = urls(tmp_path)
    put(arguments, 1)
    port = free_port()
    process = start(
        [sys.executable, "-m", "mmdigit", "form", "collect", *arguments, "--follow", "--metrics-port", str(port)]
    )

    def scraped(path: str = "metrics") -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5) as response:
                return str(response.read().decode())
        except OSError:
            return ""

    until(lambda: 'mmdigit_forms_decided_pages_total{form="INTK"} 1.0' in scraped(), "a decided page")
    put(arguments, 3)
    until(lambda: 'mmdigit_forms_decided_pages_total{form="INTK"} 3.0' in scraped(), "the other pages")
    assert 'mmdigit_forms_pages{form="INTK",state="done"} 3.0' in scraped()
    assert 'mmdigit_forms_target_error{form="INTK"} 0.0014' in scraped()
    assert "mmdigit_forms_error_bound{" not in scraped()
    assert scraped("healthz") == "alive\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    with open_page_store(arguments[3]) as forms:
        assert forms.counts(TEMPLATE.digest) == PageCounts(3, 0, 0, 57, 6)


class FailingStore(SqlPageStore):
    """Cannot be reached for the first few looks; what is told meanwhile is noted."""

    failures = 3

    def unread_pages(self, template: str, limit: int, after: int = 0) -> list[tuple[int, StoredPage]]:
        if self.failures:
            self.failures -= 1
            raise StoreError("expected a database, got none; wait")
        return super().unread_pages(template, limit, after)


def test_follow_tries_again_when_a_store_fails(tmp_path: Path) -> None:
    arguments = urls(tmp_path)
    put(arguments, 3)
    told: list[Status] = []

    class Watching(ProgressLine):
        def show(self, standing: Standing) -> None:
            told.append(collection.ready())
            if standing.done == 3:
                collection.stop()

    with (
        FailingStore(open_engine(arguments[3], FORMS), "forms") as forms,
        open_store(arguments[5]) as answers,
        Watching(io.StringIO()) as progress,
    ):
        collection = Collection(TEMPLATE, forms, answers)
        collection.follow(progress)
        assert forms.failures == 0
        assert forms.counts(TEMPLATE.digest).unread == 0
    assert told[0] == Status(False, "expected a database, got none; wait")
    assert collection.ready().ok
    assert collection.metrics.registry.get_sample_value("mmdigit_forms_collect_retries_total") == 3


def test_health_fails_when_no_batch_ends(tmp_path: Path) -> None:
    arguments, now_s = urls(tmp_path), 0.0
    with open_page_store(arguments[3]) as forms, open_store(arguments[5]) as answers:
        collection = Collection(TEMPLATE, forms, answers, clock=lambda: now_s)
        assert collection.alive().ok
        now_s = STUCK_AFTER_S + 1
        assert collection.alive() == Status(False, "stuck: no batch for 121 s")


def test_metrics_are_those_of_the_list() -> None:
    metrics = CollectMetrics("INTK")
    names = {sample.name for family in metrics.registry.collect() for sample in family.samples}
    ours = {name for name in names if name.startswith("mmdigit_")} - {"mmdigit_forms_decided_pages_created"}
    assert ours <= {metric.name for metric in FORM_METRICS} | {"mmdigit_forms_collect_retries_created"}
    assert all(re.fullmatch(r"mmdigit_forms_[a-z_]+", metric.name) for metric in FORM_METRICS)


def test_metrics_show_what_the_control_found() -> None:
    metrics = CollectMetrics("INTK")
    metrics.show_control(0.01, ControlledWeek("2026-W48", 200, 1, 0.0014))
    read = metrics.registry.get_sample_value
    assert read("mmdigit_forms_controlled_fields_total", {"form": "INTK"}) == 200
    assert read("mmdigit_forms_controlled_wrong_total", {"form": "INTK"}) == 1
    assert read("mmdigit_forms_error_bound", {"form": "INTK"}) == pytest.approx(0.0235, abs=1e-3)
    assert read("mmdigit_forms_target_error", {"form": "INTK"}) == 0.0014


def test_collect_refuses_follow_with_an_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["form", "collect", *urls(tmp_path), "--follow", "--expect", "3"]) == 2
    assert "expected --follow or else --expect" in capsys.readouterr().err

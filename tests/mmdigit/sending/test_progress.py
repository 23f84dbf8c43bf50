"""Progress: a bar on a terminal, otherwise lines."""

import io

from mmdigit.sending.progress import BarProgress, LineProgress, progress_on
from tests.producer.fakes import FakeTime


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_appear_every_few_seconds_and_at_the_end() -> None:
    stream, time = io.StringIO(), FakeTime()
    with progress_on(stream, "jobs", 9, time.clock.monotonic) as progress:
        assert isinstance(progress, LineProgress)
        for done in range(1, 10):
            time.now_s += 1.5
            progress.update(done, "going on")
        progress.line("by the way")
    assert stream.getvalue().splitlines() == [
        "jobs 4/9: going on",
        "jobs 8/9: going on",
        "by the way",
        "jobs 9/9: going on",
    ]


def test_nothing_done_prints_nothing() -> None:
    stream = io.StringIO()
    with LineProgress("jobs", 0, stream, FakeTime().clock.monotonic):
        pass
    assert stream.getvalue() == ""


def test_bar_prints_text_without_markup() -> None:
    stream = Terminal()
    with progress_on(stream, "jobs", 2, FakeTime().clock.monotonic) as progress:
        assert isinstance(progress, BarProgress)
        progress.update(1, "1 sent [red]")
        progress.line("[bold]a.png[/bold]: is empty")
        progress.update(2, "2 sent [red]")
    shown = stream.getvalue()
    assert "[bold]a.png[/bold]: is empty" in shown
    assert "2/2" in shown
    assert "2 sent [red]" in shown

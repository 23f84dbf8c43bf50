"""What people read while pages are collected."""

import io

from mmdigit.forms.collecting.progress import ProgressLine, Standing
from mmdigit.forms.store.ports import PageCounts
from tests.mmdigit.forms.store.kept import VALUES


def test_standing_counts_failed_pages_as_done() -> None:
    standing = Standing.of(PageCounts(pages=1200, unread=200, failed=3, accepted=4000, review=10))
    assert standing.described == "1,000 of 1,200 pages, 4,000 fields accepted, 10 to review, 3 pages failed"
    assert Standing.of(PageCounts(10, 0, 0, 0, 0), expected=50).pages == 50
    assert standing.with_decided(1, VALUES) == Standing(1200, 1001, 3, 4001, 11)


def test_progress_line_tells_rate_and_time_left_now_and_then() -> None:
    now_s = 0.0
    output, told = io.StringIO(), list[str]()
    with ProgressLine(output, lambda: now_s) as progress, ProgressLine(output, lambda: now_s, told.append) as other:
        progress.show(Standing(1000, 100, 0, 0, 0))
        now_s = 20.0
        progress.show(Standing(1000, 200, 0, 0, 0))
        assert output.getvalue() == ""
        now_s = 30.0
        progress.show(Standing(1000, 400, 1, 7, 2))
        other.show(Standing(1, 1, 0, 0, 0))
    assert told == ["1 of 1 pages, 0 fields accepted, 0 to review, 0 pages failed"]
    assert output.getvalue() == (
        "mmdigit: 400 of 1,000 pages, 7 fields accepted, 2 to review, 1 pages failed, 600 pages a minute, 1 min left\n"
    )

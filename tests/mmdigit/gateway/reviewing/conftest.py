"""Gateways' desks on one pair of databases, without HTTP."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from mmdigit.forms.store.ports import PageStore
from mmdigit.forms.store.review_port import ReviewStore
from mmdigit.forms.store.sql_review_store import open_review_store
from mmdigit.forms.store.sql_store import open_page_store
from mmdigit.gateway.registry.ports import Registry
from mmdigit.gateway.registry.sql_registry import open_registry
from mmdigit.gateway.reviewing.desk import ReviewDesk
from mmdigit.gateway.reviewing.open_work import Sample
from tests.mmdigit.forms.store.kept import NOW
from tests.mmdigit.forms.written import TEMPLATE
from tests.mmdigit.gateway.reviewed import Databases


class Clock:
    """Seconds that a test lets pass."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Databases]:
    """The registry and the forms' database."""
    with ExitStack() as opened:
        registry: Registry = opened.enter_context(open_registry(f"sqlite:///{tmp_path / 'gateway.db'}"))
        pages: PageStore = opened.enter_context(open_page_store(f"sqlite:///{tmp_path / 'forms.db'}"))
        review: ReviewStore = opened.enter_context(open_review_store(f"sqlite:///{tmp_path / 'forms.db'}"))
        yield Databases(registry, pages, review)


@pytest.fixture
def desk_of(kept: Databases, clock: Clock) -> Iterator[Callable[..., ReviewDesk]]:
    """desk_of(): the desk of one gateway more. share: of the control."""
    with ExitStack() as opened:

        def make(share: float = 0.0, fresh_s: float = 2.0) -> ReviewDesk:
            desk = ReviewDesk(
                kept.registry, kept.pages, kept.review, (TEMPLATE,), Sample(share, 71), 300.0, fresh_s=fresh_s,
                clock=clock, now=lambda: NOW + timedelta(seconds=clock.seconds),
            )  # fmt: skip
            return opened.enter_context(desk)

        yield make

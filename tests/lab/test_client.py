"""The sync client is made from the async one."""

import pytest

from lab.client import ASYNC, SYNC, sync_source


def test_sync_client_is_current() -> None:
    assert SYNC.read_text() == sync_source(ASYNC.read_text()), "run `python -m lab.client`"


def test_asynchronous_names_do_not_stay() -> None:
    with pytest.raises(ValueError, match=r"got \['AsyncLock'\]"):
        sync_source('"""Docstring."""\nasync with AsyncLock(): await x\n')

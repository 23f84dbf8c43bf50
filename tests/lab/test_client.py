"""The sync client is made from the async one."""

import pytest

from lab.client import CLIENT, DOCSTRINGS, sync_source


@pytest.mark.parametrize("name", DOCSTRINGS)
def test_sync_client_is_current(name: str) -> None:
    made = sync_source((CLIENT / f"async_{name}.py").read_text(), DOCSTRINGS[name])
    assert (CLIENT / f"sync_{name}.py").read_text() == made, "run `python -m lab.client`"


def test_asynchronous_names_do_not_stay() -> None:
    with pytest.raises(ValueError, match=r"got \['AsyncLock'\]"):
        sync_source('"""Docstring."""\nasync with AsyncLock(): await x\n', '"""Docstring."""')

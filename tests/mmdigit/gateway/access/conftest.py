"""A running OpenID provider for the tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.mmdigit.gateway.access.issuer import Issuer, running_issuer


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running_issuer() as issuer:
        yield issuer

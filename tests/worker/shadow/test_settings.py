"""The settings of a shadow: its consumer group, and one-line errors."""

import pytest

from schemas.errors import SettingsError
from worker.shadow.settings import ShadowSettings

URLS = {"from": "sqlite:///q.db", "store": "sqlite:///s.db"}


def test_consumer_group_differs_by_candidate() -> None:
    def group(**options: object) -> str:
        return ShadowSettings.model_validate(URLS | options).consumer_group("0.7.0", "m-2")

    assert group() == group(limit=5) == "mmdigit-shadow.0.7.0.m-2"
    assert group(shadow_group="again", since="2026-01-31T13:00:00+01:00") == (
        "again.0.7.0.m-2.since-20260131T120000.000000Z"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "sqlite:///q.db"], "expected --store, got none; for example --store redis://"),
        (["--from", "a", "--store", "b", "--max-differing", "0"], "max_differing: "),
        (["--from", "a", "--store", "b", "--since", "12:00"], "since: "),
        (["--from", "a", "--store", "b", "--limit", "0"], "limit: "),
    ],
)
def test_settings_error_names_the_setting(arguments: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        ShadowSettings.load(arguments)

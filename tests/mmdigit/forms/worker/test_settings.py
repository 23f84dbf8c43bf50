"""The page worker's settings: several templates, the topic of its dead letters."""

import pytest

from mmdigit.forms.worker.settings import PageWorkerSettings
from schemas.errors import SettingsError

URLS = ["--from", "kafka://host/mmdigit.pages", "--jobs", "kafka://host/mmdigit.jobs", "--forms", "sqlite:///f.db"]


@pytest.mark.parametrize("flags", [["--template", "a.yaml", "--template", "b.yaml"], ["--template", "a.yaml,b.yaml"]])
def test_templates_may_be_several(flags: list[str]) -> None:
    assert [str(path) for path in PageWorkerSettings.load([*URLS, *flags]).templates] == ["a.yaml", "b.yaml"]


def test_templates_come_from_a_variable_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMDIGIT_TEMPLATE", "a.yaml,b.yaml")
    settings = PageWorkerSettings.load(URLS)
    assert len(settings.templates) == 2
    assert (settings.dead_letters_url, settings.consumer_group) == ("kafka://host/mmdigit.pages.dead", "mmdigit-pages")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (URLS, "expected --template, got none; for example --template form.yaml"),
        ([*URLS, "--template", ""], "template"),
        ([*URLS, "--template", "a.yaml", "--breaker-in-a-row", "1"], "above the size of a batch, 1, got 1"),
    ],
)
def test_settings_say_what_is_missing(argv: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        PageWorkerSettings.load(argv)

"""The secret of webhooks: from a variable or a file, and long enough."""

from pathlib import Path

import pytest

from mmdigit.settings.webhook_settings import MIN_SECRET_CHARACTERS, WebhookSecretSettings
from schemas.errors import SettingsError

SECRET = "s" * MIN_SECRET_CHARACTERS


class Settings(WebhookSecretSettings):
    """A program with the secret."""

    prog = "test"


def test_signing_secret_comes_from_a_variable_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.load([]).signing_secret is None
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    kept = Settings.load(["--webhook-secret-file", str(tmp_path / "secret")]).signing_secret
    assert kept is not None
    assert kept.get_secret_value() == SECRET
    monkeypatch.setenv("MMDIGIT_WEBHOOK_SECRET", SECRET)
    settings = Settings.load([])
    assert settings.signing_secret == kept
    assert SECRET not in repr(settings)


def test_short_secret_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("short")
    with pytest.raises(SettingsError, match=f"at least {MIN_SECRET_CHARACTERS}"):
        _ = Settings.load(["--webhook-secret-file", str(tmp_path / "secret")]).signing_secret
    monkeypatch.setenv("MMDIGIT_WEBHOOK_SECRET", "short")
    with pytest.raises(SettingsError):
        Settings.load([])

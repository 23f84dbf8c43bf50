"""Settings of the gateway's database: a URL, and a password from one source that no flag names."""

from pathlib import Path

import pytest

from mmdigit.settings.database_settings import DatabaseSettings
from mmdigit.settings.gateway_database_settings import GatewayDatabaseSettings
from schemas.errors import SettingsError

URL = "postgresql://ada@db/gateway"


def test_database_is_a_file_by_default() -> None:
    settings = GatewayDatabaseSettings.load([])
    assert settings.database_url == "sqlite:///gateway.db"
    assert settings.gateway_database_password is None


def test_password_comes_from_its_variable_or_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    arguments = ["--database", URL, "--database-password-file", str(tmp_path / "password")]
    settings = GatewayDatabaseSettings.load(arguments)
    assert settings.database_url == URL
    assert settings.gateway_database_password is not None
    assert settings.gateway_database_password.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(settings)
    assert URL not in repr(settings)
    monkeypatch.setenv("MMDIGIT_DATABASE_PASSWORD", "an0ther")
    found = GatewayDatabaseSettings.load(["--database", URL]).gateway_database_password
    assert found is not None
    assert found.get_secret_value() == "an0ther"
    with pytest.raises(SettingsError, match="expected one of database_password and database_password_file, got both"):
        GatewayDatabaseSettings.load(arguments)


@pytest.mark.parametrize(
    "argv", [["--database", "postgresql://ada:s3cret@db/x"], ["--database", URL, "--database-password", "s3cret"]]
)
def test_password_on_the_command_line_is_refused(argv: list[str]) -> None:
    with pytest.raises(SettingsError, match="which every user can read") as caught:
        GatewayDatabaseSettings.load(argv)
    assert "s3cret" not in str(caught.value)


def test_program_may_have_both_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    class Both(DatabaseSettings, GatewayDatabaseSettings):
        pass

    monkeypatch.setenv("MMDIGIT_FORMS_PASSWORD", "one")
    monkeypatch.setenv("MMDIGIT_DATABASE_PASSWORD", "two")
    both = Both.load(["--forms", URL, "--database", URL])
    passwords = both.forms_database_password, both.gateway_database_password
    assert [each.get_secret_value() for each in passwords if each is not None] == ["one", "two"]

"""Settings of the forms' database: URL, and a password from one source that no flag names."""

from pathlib import Path

import pytest

from mmdigit.settings.database_settings import DatabaseSettings
from schemas.errors import SettingsError

URL = "postgresql://ada@db/forms"


def test_password_comes_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    settings = DatabaseSettings.load(["--forms", URL, "--forms-password-file", str(tmp_path / "password")])
    assert settings.forms_url == URL
    assert settings.forms_database_password is not None
    assert settings.forms_database_password.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(settings)
    assert URL not in repr(settings)


@pytest.mark.parametrize(
    "argv", [["--forms", "postgresql://ada:s3cret@db/forms"], ["--forms", URL, "--forms-password", "s3cret"]]
)
def test_password_on_the_command_line_is_refused(argv: list[str]) -> None:
    with pytest.raises(SettingsError, match="which every user can read") as caught:
        DatabaseSettings.load(argv)
    assert "s3cret" not in str(caught.value)

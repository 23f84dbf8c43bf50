"""GatewaySettings: where a login is needed, and what is refused."""

import pytest

from mmdigit.gateway.settings import GatewaySettings
from schemas.errors import SettingsError

NEEDED = ["--jobs", "sqlite:///a.db", "--store", "sqlite:///a.db"]


def load(*flags: str) -> GatewaySettings:
    return GatewaySettings.load([*NEEDED, *flags])


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_needs_no_login_by_default(host: str) -> None:
    settings = load("--host", host)
    assert (settings.is_loopback, settings.needs_login) == (True, False)
    assert load("--host", host, "--login", "token").needs_login
    assert not load("--host", host, "--login", "none").needs_login


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "gateway.example.com", "127.0.0.1.example.com"])  # noqa: S104
def test_other_addresses_need_a_login(host: str) -> None:
    settings = load("--host", host)
    assert (settings.is_loopback, settings.needs_login) == (False, True)
    with pytest.raises(SettingsError, match="set --login token or --host"):
        load("--host", host, "--login", "none")


def test_allowed_hosts_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().allowed_hosts == ()
    assert load("--allowed-hosts", "a.example.com, b.example.com,").allowed_hosts == ("a.example.com", "b.example.com")
    monkeypatch.setenv("MMDIGIT_ALLOWED_HOSTS", "c.example.com")
    assert load().allowed_hosts == ("c.example.com",)


@pytest.mark.parametrize(
    "flags",
    [
        ("--port", "65536"),
        ("--max-connections", "15"),
        ("--max-batch-bytes", "1"),
        ("--max-backlog-s", "0"),
        ("--login", "password"),
        ("--allowed-hosts", ",".join(f"h{n}" for n in range(65))),
        ("--oidc-issuer", "https://a.example.com"),
    ],
)
def test_values_out_of_range_are_refused(flags: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError, match=r"see python -m mmdigit\.gateway --help"):
        load(*flags)


def test_urls_are_not_in_the_repr() -> None:
    assert "a.db" not in repr(load())


def test_grafana_url_is_a_page_without_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().grafana_url is None
    assert load("--grafana-url", "http://localhost:3000/d/1").grafana_url == "http://localhost:3000/d/1"
    page = "https://grafana.example.com/d/mmdigit-gateway?orgId=1"
    monkeypatch.setenv("MMDIGIT_GRAFANA_URL", page)
    assert load().grafana_url == page
    for wrong in ("javascript:alert(1)", "grafana", "https://", "https://ada:secret@grafana", "http://[", "http://a b"):
        monkeypatch.setenv("MMDIGIT_GRAFANA_URL", wrong)
        with pytest.raises(SettingsError, match="expected the URL of a page"):
            load()

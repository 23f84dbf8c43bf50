"""Webhooks lead to listed hosts alone."""

import pytest

from mmdigit.gateway.intake.webhook_urls import require_webhook, webhook_address
from mmdigit.gateway.problems import Problem

HOSTS = {"hooks.example.com", "127.0.0.1", "10.0.0.7"}


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/a?b=c",
        "https://HOOKS.example.com:8443/",
        "https://10.0.0.7/",
        "http://127.0.0.1:9/",
    ],
)
def test_listed_hosts_are_allowed(url: str) -> None:
    assert webhook_address(url, HOSTS).host in HOSTS
    require_webhook(url, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",  # not encrypted
        "https://example.com/",
        "https://hooks.example.com.evil.com/",
        "https://hooks.example.com@evil.com/",
        "https://evil.com/https://hooks.example.com/",
        "https://user@hooks.example.com/",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/",
        "http://[::1]/",
        "https://2130706433/",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "hooks.example.com",
        "",
        "https://hooks.example.com:99999/",
        "https://hooks.example.com/\n",
        "https://hooks.exämple.com/",
    ],
)
def test_everything_else_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="got"):
        webhook_address(url, HOSTS)
    with pytest.raises(Problem) as refused:
        require_webhook(url, HOSTS)
    assert refused.value.status == 422


def test_none_is_allowed_where_none_is_listed() -> None:
    require_webhook(None, ())
    with pytest.raises(Problem, match="none"):
        require_webhook("https://hooks.example.com/", ())

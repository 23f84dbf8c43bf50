"""Where webhooks may lead: to the hosts that --webhook-hosts names, and nowhere else."""

from collections.abc import Collection
from http import HTTPStatus
from typing import Annotated

from fastapi import Query

from mmdigit.gateway.access.fetching import Address, parse_address
from mmdigit.gateway.problems import Problem
from schemas.printable import printable

MAX_URL = 2000  # characters

WebhookUrl = Annotated[
    str | None,
    Query(
        max_length=MAX_URL,
        description="URL that gets a signed POST once the group is finished (Standard Webhooks), on a host that the "
        "gateway's --webhook-hosts names.",
    ),
]


def webhook_address(url: str, hosts: Collection[str]) -> Address:
    """Where a webhook leads: by https, or by http to this machine.

    hosts: names as they stand in URLs, in lower case. Every address that a listed name resolves to is trusted, private
    ones too: whoever lists a name trusts whoever runs its DNS. No other name is ever looked up.
    Raises ValueError, whose message completes "expected".
    """
    address = parse_address(url, allow_loopback=True)
    if address.host not in hosts:
        allowed = ", ".join(sorted(hosts)) or "none"
        raise ValueError(f"a host of --webhook-hosts ({allowed}), got {printable(address.host, 100)}")
    return address


def require_webhook(url: str | None, hosts: Collection[str]) -> None:
    """Raises Problem (422) if the gateway sends no webhook there."""
    if url is None:
        return
    try:
        webhook_address(url, hosts)
    except ValueError as exc:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"webhook: expected {exc}; use another, or follow the group"
        ) from exc

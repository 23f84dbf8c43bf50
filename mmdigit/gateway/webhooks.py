"""Webhooks: tells whoever asked for it that a group is finished, by a signed POST, repeated until it is taken."""

import asyncio
import json
import logging
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from http.client import HTTPException

from pydantic import SecretStr

from mmdigit.gateway.access.fetching import Address, exchange
from mmdigit.gateway.access.principal import SCOPES, Principal
from mmdigit.gateway.intake.webhook_urls import webhook_address
from mmdigit.gateway.metrics import GatewayMetrics
from mmdigit.gateway.registry.ports import StoredGroup, Webhook
from mmdigit.gateway.routes.groups import group_status
from mmdigit.gateway.services import Services
from mmdigit.gateway.signing import signed_headers, webhook_key
from schemas import VERSION
from schemas.api import GroupStatus
from schemas.errors import MmdigitError
from schemas.identifiers import id_of
from schemas.printable import printable

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
AT_ONCE = 8
TIMEOUT_S = 10.0
"""For connecting, and again for the whole answer."""
LEASE_S = 60.0
"""Longer than an attempt takes; if its gateway dies, another one tries again after it."""
FIRST_PAUSE_S = 5.0
PAUSE_GROWS = 3.0
MAX_PAUSE_S = 4 * 3600.0
RETRY_FOR = timedelta(hours=24)
UNFINISHED_FOR = timedelta(days=7)
"""A group that is not finished by then never tells."""
MAX_LOOK_PAUSE_S = 30.0
MAX_ANSWER_BYTES = 64 * 1024
_GONE = 410


class Webhooks:
    """Sends the webhooks of the registry that are due. Several gateways may do so: each webhook is one's at a time."""

    def __init__(
        self,
        services: Services,
        hosts: Collection[str],
        secret: SecretStr,
        metrics: GatewayMetrics | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        """hosts: as of webhook_address. now: with a zone."""
        self._metrics = metrics or GatewayMetrics()
        self._services = services
        self._hosts = frozenset(hosts)
        self._secret = secret
        self._now = now or services.now
        self._threads = ThreadPoolExecutor(AT_ONCE, "webhook")
        self._sending: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        try:
            while True:
                if await self.look():
                    await asyncio.wait(self._sending, timeout=LOOK_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
                else:
                    await asyncio.sleep(LOOK_EVERY_S)
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def look(self) -> bool:
        """Begin with those that are due, as many as there is room for. Returns whether any were, or none fitted."""
        if not (room := AT_ONCE - len(self._sending)):
            return True
        now = self._now()
        try:
            due = await self._services.in_registry(lambda registry: registry.claim_webhooks(now, LEASE_S, room))
        except MmdigitError as exc:
            log.warning("the database fails, trying again", extra={"error": str(exc)})
            return False
        for webhook in due:
            task = asyncio.create_task(self._handle(webhook))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        return bool(due)

    async def settled(self) -> None:
        """Return when what was begun has ended."""
        await asyncio.gather(*self._sending)

    async def _handle(self, webhook: Webhook) -> None:
        try:
            await self._send(webhook)
        except MmdigitError as exc:  # its lease ends by itself
            log.warning("a service fails, trying the webhook again", extra={"error": str(exc), "webhook": webhook.id})

    async def _send(self, webhook: Webhook) -> None:
        """Send it if its group is finished, and keep what became of it."""
        try:
            address = webhook_address(webhook.url, self._hosts)
        except ValueError as exc:
            await self._give_up(webhook, f"expected {exc}")
            return
        group = await self._services.in_registry(lambda registry: registry.group(webhook.tenant, webhook.group))
        if group is None:
            await self._give_up(webhook, "expected a group, got none")
            return
        name = Principal(webhook.tenant, SCOPES, "webhook").stored(webhook.group)
        status = await self._status(webhook, name)
        if not status.finished:
            await self._wait(webhook, status)
            return
        finished_at = await self._finished_at(group)
        error = await self._post(webhook, address, _body(status, finished_at))
        if error is None:
            await self._services.in_registry(lambda registry: registry.delivered(webhook.id, self._now()))
            self._metrics.webhooks.labels("delivered").inc()
            log.info("webhook delivered", extra={"webhook": webhook.id, "group": name, "host": address.host})
        elif error == str(_GONE) or self._now() - finished_at > RETRY_FOR:
            await self._give_up(webhook, f"expected status 2xx, got {error}")
        else:
            self._metrics.webhooks.labels("failed").inc()
            pause_s = min(FIRST_PAUSE_S * PAUSE_GROWS**webhook.attempts, MAX_PAUSE_S)
            await self._retry(webhook, pause_s, f"expected status 2xx, got {error}")

    async def _status(self, webhook: Webhook, name: str) -> GroupStatus:
        """With the decisions of all outcomes, once it is finished: one call counts some thousands of them."""
        counted = -1
        while True:
            status = await group_status(self._services, webhook.tenant, webhook.group, name)
            if not status.finished or status.decisions.counted == counted:
                return status
            counted = status.decisions.counted

    async def _wait(self, webhook: Webhook, status: GroupStatus) -> None:
        """Look at its group again later: the longer it takes, the less often."""
        age = self._now() - webhook.created_at
        if age > UNFINISHED_FOR:
            await self._give_up(webhook, f"expected the group finished within {UNFINISHED_FOR.days} days, got none")
            return
        pause_s = min(max(age.total_seconds() / 10, (status.left_s or 0.0) / 2, LOOK_EVERY_S), MAX_LOOK_PAUSE_S)
        await self._retry(webhook, pause_s, "")

    async def _finished_at(self, group: StoredGroup) -> datetime:
        """When it was first seen to be finished."""
        if group.finished_at is None:
            finished = replace(group, finished_at=self._now())
            group = await self._services.in_registry(lambda registry: registry.put_group(finished))
        return group.finished_at or self._now()

    async def _post(self, webhook: Webhook, address: Address, body: bytes) -> str | None:
        """None if it is taken; else the status, or the error."""
        message_id = f"msg_{id_of('webhook', webhook.tenant, webhook.group, webhook.url)}"
        key = webhook_key(self._secret.get_secret_value(), webhook.tenant)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"mmdigit/{VERSION}",
            **signed_headers(key, message_id, int(self._now().timestamp()), body),
        }
        send = partial(exchange, address, "POST", headers, body, MAX_ANSWER_BYTES, TIMEOUT_S)
        try:
            status, _ = await asyncio.get_running_loop().run_in_executor(self._threads, send)
        except (OSError, HTTPException, ValueError) as exc:
            return printable(str(exc), 200) or type(exc).__name__
        return None if 200 <= status < 300 else str(status)

    async def _retry(self, webhook: Webhook, pause_s: float, error: str) -> None:
        next_at = self._now() + timedelta(seconds=pause_s)
        await self._services.in_registry(lambda registry: registry.retry_webhook(webhook.id, next_at, error))

    async def _give_up(self, webhook: Webhook, error: str) -> None:
        await self._services.in_registry(lambda registry: registry.failed(webhook.id, self._now(), error))
        self._metrics.webhooks.labels("given_up").inc()
        log.warning("webhook given up", extra={"webhook": webhook.id, "error": error})


def _body(status: GroupStatus, finished_at: datetime) -> bytes:
    data = status.model_dump(mode="json", exclude={"left_s"})
    return json.dumps({"type": "group.finished", "timestamp": finished_at.isoformat(), "data": data}).encode()

"""The audit log: who submitted, who took tables away, and who was refused."""

import logging
from http import HTTPStatus

from starlette.types import Scope

from mmdigit.gateway.access.entrance import PRINCIPAL
from mmdigit.gateway.access.principal import Principal
from schemas.printable import printable

log = logging.getLogger("mmdigit.audit")

_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def audit(scope: Scope, status: int) -> None:
    """Write a line for a request, if it is one to be kept. Paths hold groups and job ids, but never a secret."""
    path, method = scope["path"], scope["method"]
    if method in ("GET", "HEAD") and status not in _REFUSED and not path.startswith("/v1/export/"):
        return
    principal = scope.get(PRINCIPAL)
    who = (
        {"subject": principal.subject, "tenant": principal.tenant}
        if isinstance(principal, Principal)
        else {"subject": "", "tenant": ""}
    )
    client = scope.get("client") or ("", 0)
    fields = {"method": method, "path": printable(path, 200), "status": status, "client": client[0]}
    log.info("audit", extra=who | fields)

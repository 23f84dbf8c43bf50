"""GET /healthz and /readyz: the gateway's state for load balancers, which ask the port of the API without a login."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from mmdigit.gateway.services import UseServices
from mmdigit.telemetry.health import Status

router = APIRouter(include_in_schema=False)


@router.api_route("/healthz", methods=["GET", "HEAD"])
async def healthz(services: UseServices) -> PlainTextResponse:
    """200 while the program runs."""
    return _response(services.health.alive())


@router.api_route("/readyz", methods=["GET", "HEAD"])
async def readyz(services: UseServices) -> PlainTextResponse:
    """200 while topic and store are there, else 503."""
    return _response(services.health.ready())


def _response(status: Status) -> PlainTextResponse:
    return PlainTextResponse(f"{status.message}\n", 200 if status.ok else 503)

"""build_app: the ASGI application."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from mmdigit.gateway import problems, validation
from mmdigit.gateway.openapi import DescribedApi
from mmdigit.gateway.routes import (
    batches,
    events,
    export,
    forms,
    groups,
    health,
    jobs,
    predictions,
    review,
    watch,
    webapp,
)
from mmdigit.gateway.services import Services
from mmdigit.gateway.watch.watching import Watching
from schemas import VERSION
from schemas.errors import InvalidJob, RetriableError, SettingsError


def build_app(services: Services) -> FastAPI:
    """The application."""
    app = DescribedApi(
        title="mmdigit",
        version=VERSION,
        description="Reads digits which were both written and spoken.",
        docs_url=None,  # its page loads scripts from another host
        redoc_url=None,
        redirect_slashes=False,  # a redirect names http behind a load balancer, and a client would send its token there
    )
    app.state.services = services
    app.state.entrance = services.entrance
    app.state.watching = Watching(services)
    app.add_exception_handler(problems.Problem, problems.of_problem)
    app.add_exception_handler(RequestValidationError, validation.of_validation)
    app.add_exception_handler(HTTPException, problems.of_http)
    app.add_exception_handler(ClientDisconnect, problems.of_disconnect)
    for unavailable in (RetriableError, SettingsError):
        app.add_exception_handler(unavailable, problems.of_unavailable)
    app.add_exception_handler(InvalidJob, problems.of_invalid)
    app.add_exception_handler(OSError, problems.of_os_error)
    app.add_exception_handler(Exception, problems.of_unexpected)
    for routes in (jobs, batches, forms, predictions, groups, events, export, review, watch, health, webapp):
        app.include_router(routes.router)
    webapp.files()  # reads 8 MB in 4 to 50 ms: now, while nobody waits for an event
    return app

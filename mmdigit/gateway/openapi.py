"""The OpenAPI document: what all operations have in common, and bodies that FastAPI does not see."""

from typing import Any

from fastapi import FastAPI

from mmdigit.gateway.problems import PROBLEM
from schemas.api import JobSubmission, ProblemDetails

_REF = "#/components/schemas/{model}"
_PROBLEM = {PROBLEM: {"schema": {"$ref": _REF.format(model=ProblemDetails.__name__)}}}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}

PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The request broke off.", "content": _PROBLEM},
    401: {"description": "A login is needed, and the token is missing or not valid.", "content": _PROBLEM},
    403: {"description": "The token lacks a scope, or the request is another site's page's.", "content": _PROBLEM},
    404: {"description": "There is none, or it is another tenant's.", "content": _PROBLEM},
    409: {"description": "The name is in use for something of another kind.", "content": _PROBLEM},
    413: {"description": "The body is too large.", "content": _PROBLEM},
    415: {"description": "The body has another media type.", "content": _PROBLEM},
    421: {"description": "The Host header is none of the gateway's names.", "content": _PROBLEM},
    422: {"description": "The request is not valid.", "content": _PROBLEM},
    429: {"description": "Too many requests, or jobs wait too long.", "content": _PROBLEM, "headers": _RETRY_AFTER},
    431: {"description": "Request line and headers are too large.", "content": _PROBLEM},
    500: {"description": "A bug in the gateway.", "content": _PROBLEM},
    503: {"description": "Broker, store or database is away.", "content": _PROBLEM, "headers": _RETRY_AFTER},
}
"""Responses that every operation may give."""

_SEVEN = (
    "iVBORw0KGgoAAAANSUhEUgAAABwAAAAcAQAAAABaduI5AAAALElEQVR42mNgwA/+f2BggjINICwmOIuBgeEATIzxAEyMmQEmhmCxMcB14AEA"
    "Z7kD9WNsgxQAAAAASUVORK5CYII="
)
_FILE = {"type": "string", "format": "binary"}
_FIELDS = JobSubmission.model_json_schema()["properties"]

SUBMISSION: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": _REF.format(model=JobSubmission.__name__)},
                "example": {"image": _SEVEN, "job_id": "invoice-4711.total.3", "group": "invoice-4711", "expected": 7},
            },
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        name: _FILE if name in ("image", "audio") else each for name, each in _FIELDS.items()
                    },
                }
            },
        },
    }
}
"""The body of POST /v1/jobs."""


def describe(app: FastAPI) -> None:
    """Let the app's document hold the models that only bodies and problems refer to."""
    build = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            whole = build()
            for model in (JobSubmission, ProblemDetails):
                whole["components"]["schemas"][model.__name__] = model.model_json_schema(ref_template=_REF)
            whole["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            whole["security"] = [{"token": []}, {}]  # none on a loopback address, unless it is asked for
        return app.openapi_schema or {}

    app.openapi = document  # type: ignore[method-assign]

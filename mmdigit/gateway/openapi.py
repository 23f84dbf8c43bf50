"""The OpenAPI document, with what FastAPI cannot know: bodies that an operation reads itself, tokens, problems."""

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from mmdigit.gateway.problems import PROBLEM
from schemas.api import JobSubmission, ProblemDetails

_REFERENCE = "#/components/schemas/{model}"
_FILE = {"type": "string", "format": "binary"}
_SUBMISSION = {
    "image": "iVBORw0KGgoAAAANSUhEUgAAABwAAAAcAQAAAABaduI5AAAALElEQVR42mNgwA/+f2BggjINICwmOIuBgeEATIzxAEyMmQEmhmCxMcB14"
    "AEAZ7kD9WNsgxQAAAAASUVORK5CYII=",
    "group": "form-17",
    "job_id": "form-17.total.3",
    "expected": 7,
}
_PROBLEM = {
    "type": "about:blank",
    "title": "Not Found",
    "status": 404,
    "detail": "expected a job with an outcome, got none: it is not read yet, was never sent, or has expired; ask again",
}
PROBLEMS = {
    400: "The request broke off.",
    401: "A token is needed, and there is none or it is not valid.",
    403: "The token lacks the operation's scope, or a page of another site sent the request.",
    404: "It does not exist, or belongs to another tenant.",
    409: "The name is in use for a group of another kind, or a field has to be keyed blindly first.",
    413: "The body is too large.",
    415: "The body has another media type.",
    421: "The Host header has none of the gateway's names.",
    422: "The request is not valid.",
    429: "Too many requests, or jobs wait too long already.",
    431: "Request line and headers are too large.",
    500: "A bug in the gateway; its log has the reason.",
    503: "The broker, the store or the database is away.",
}
"""What every operation may answer instead, always as application/problem+json."""
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_PARAMETERS = {
    "group": "form-17",
    "job_id": "form-17.total.3",
    "template": "INTK",
    "wait": 2,
    "claim": "0b1bd0e6c35f9a7d8c2f4e6a1d3b5c70",
    "field": "INTK.5d41402abc4b2a76b9719d911017c592:member",
    "Idempotency-Key": "form-17-total-3",
}


class DescribedApi(FastAPI):
    """FastAPI with a whole document."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = _completed(super().openapi())
        return self.openapi_schema


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    components = document["components"]
    _, models = models_json_schema(
        [(JobSubmission, "validation"), (ProblemDetails, "serialization")], ref_template=_REFERENCE
    )
    components["schemas"] |= models["$defs"]
    for name in ("HTTPValidationError", "ValidationError"):  # the framework's own, which no operation sends
        components["schemas"].pop(name, None)
    for name in ("image", "audio"):  # maxLength is that of the bytes
        field = components["schemas"]["JobSubmission"]["properties"][name]
        field["anyOf"] = [{"type": "string", "contentEncoding": "base64"}, {"type": "null"}]
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"token": []}, {}]  # none on one's own machine
    for operations in document["paths"].values():
        for operation in operations.values():
            _complete(operation)
    return document


def _complete(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    content = {PROBLEM: {"schema": {"$ref": _REFERENCE.format(model="ProblemDetails")}, "example": _PROBLEM}}
    for status, description in PROBLEMS.items():
        responses[str(status)] = {"description": description, "content": content}
        if status in (429, 503):
            responses[str(status)]["headers"] = _RETRY_AFTER
    for parameter in operation.get("parameters", ()):
        if parameter["name"] in _PARAMETERS:
            parameter["example"] = _PARAMETERS[parameter["name"]]
    if operation["operationId"] == "submit_job":
        responses["200"] = responses["202"] | {"description": "It has an outcome."}
        operation["requestBody"] = {"required": True, "content": _job_bodies()}


def _job_bodies() -> dict[str, Any]:
    text = {"type": "string"}
    form = {
        "image": _FILE,
        "audio": _FILE,
        "job_id": text,
        "group": text,
        "expected": {"type": "string", "pattern": "^[0-9]$"},
    }
    return {
        "application/json": {"schema": {"$ref": _REFERENCE.format(model="JobSubmission")}, "example": _SUBMISSION},
        "multipart/form-data": {"schema": {"type": "object", "properties": form}},
    }

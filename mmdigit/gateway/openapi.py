"""The OpenAPI document, with what FastAPI cannot know: bodies that an operation reads itself, tokens, problems."""

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from mmdigit.gateway.problems import PROBLEM
from schemas.api import JobSubmission, ProblemDetails

_REFERENCE = "#/components/schemas/{model}"
_FILE = {"type": "string", "format": "binary"}
_SUBMISSION = {
    "image": "iVBORw0KGgoAAAANSUhEUgAAABwAAAAcCAAAAABXZoBI...",
    "group": "form-17",
    "job_id": "form-17.total.3",
}
_PROBLEM = {
    "type": "about:blank",
    "title": "Not Found",
    "status": 404,
    "detail": "expected a job with an outcome, got none: it is not read yet, was never sent, or has expired; ask again",
}
_PARAMETERS = {
    "group": "form-17",
    "job_id": "form-17.total.3",
    "template": "INTK",
    "wait": 2,
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
    responses.pop("422", None)
    schema = {"$ref": _REFERENCE.format(model="ProblemDetails")}
    responses["default"] = {
        "description": "A problem: what was expected, what came, and what to do.",
        "content": {PROBLEM: {"schema": schema, "example": _PROBLEM}},
    }
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

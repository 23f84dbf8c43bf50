"""POST /v1/batches: many jobs in one request, as JSON Lines or as a zip archive with a manifest."""

import asyncio
from collections.abc import Iterator
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import Response

from mmdigit.gateway.access.requiring import Submitter
from mmdigit.gateway.intake.batch import CHUNK_BYTES, BatchIntake
from mmdigit.gateway.intake.bodies import media_type, spooled_body, stream_body
from mmdigit.gateway.intake.ids import GroupName, IdempotencyKey, new_id, require_group
from mmdigit.gateway.intake.json_lines import LineSplitter
from mmdigit.gateway.intake.records import keep_submitted, require_room
from mmdigit.gateway.intake.webhook_urls import WebhookUrl, require_webhook
from mmdigit.gateway.intake.zipped import MAX_ZIP_BYTES, ZipJob, zip_jobs
from mmdigit.gateway.problems import Problem
from mmdigit.gateway.registry.ports import StoredGroup
from mmdigit.gateway.services import UseServices
from schemas.api import BatchReceipt
from schemas.identifiers import id_of
from schemas.job import MAX_RECORD_BYTES
from schemas.printable import printable

JSON_LINES = ("application/x-ndjson", "application/jsonl")
ZIP = "application/zip"
YIELD_EVERY = 100
"""Lines of a batch between two turns of other requests."""
_BODY = {"schema": {"type": "string", "format": "binary"}}

router = APIRouter()


@router.post(
    "/v1/batches",
    operation_id="submit_batch",
    summary="Submit many jobs",
    status_code=202,
    response_model=BatchReceipt,
    openapi_extra={"requestBody": {"required": True, "content": dict.fromkeys((*JSON_LINES, ZIP), _BODY)}},
)
async def submit_batch(
    request: Request,
    services: UseServices,
    principal: Submitter,
    group: GroupName = None,
    webhook: WebhookUrl = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Publishes the jobs of a body as it arrives, and returns once the topic has acknowledged them all.

    JSON Lines: a job as in POST /v1/jobs a line. zip: manifest.csv and the files that it names. A job that is not valid
    is rejected by its line, and stops no other. If the request breaks off, send it again under the same group or
    Idempotency-Key: its jobs are the same jobs.
    """
    require_room(services)
    require_webhook(webhook, services.webhook_hosts)
    kind = media_type(request)
    if kind not in (*JSON_LINES, ZIP):
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"expected {JSON_LINES[0]} or {ZIP}, got {printable(kind) or 'no Content-Type'}; "
            f"with curl, send -H 'Content-Type: {JSON_LINES[0]}' --data-binary @FILE",
        )
    name = group or (new_id() if idempotency_key is None else id_of("group", idempotency_key))
    await require_group(services, principal, name, "jobs")
    intake = BatchIntake(services, principal, name, idempotency_key)
    held_bytes = min(MAX_ZIP_BYTES, services.max_batch_bytes) if kind == ZIP else CHUNK_BYTES + MAX_RECORD_BYTES
    with services.entrance.receiving(principal, request, held_bytes):
        await (_take_zip if kind == ZIP else _take_lines)(request, intake)
    await intake.flush()
    numbers = intake.numbers
    kept = StoredGroup(principal.tenant, name, "jobs", len(numbers), services.now())
    await keep_submitted(services, kept, numbers, webhook)
    receipt = BatchReceipt(
        group=name, accepted=len(numbers), rejected=intake.rejected, rejections=tuple(intake.rejections)
    )
    headers = {"Location": f"/v1/groups/{name}"}
    return Response(receipt.model_dump_json(), HTTPStatus.ACCEPTED, headers, "application/json")


async def _take_lines(request: Request, intake: BatchIntake) -> None:
    splitter = LineSplitter(MAX_RECORD_BYTES)
    async for chunk in stream_body(request, intake.services.max_batch_bytes):
        for line in splitter.feed(chunk):
            await intake.take_line(line.number, line.content)
            if line.number % YIELD_EVERY == 0:
                await asyncio.sleep(0)  # other requests take turns with a batch of many short lines
    for line in splitter.end():
        await intake.take_line(line.number, line.content)


async def _take_zip(request: Request, intake: BatchIntake) -> None:
    limit_bytes = intake.services.max_batch_bytes
    async with spooled_body(request, min(limit_bytes, MAX_ZIP_BYTES)) as spooled:
        jobs = zip_jobs(spooled, limit_bytes)
        while some := await asyncio.to_thread(_some_of, jobs):
            for row in some:
                if isinstance(row.job, str):
                    intake.reject(row.line, row.job)
                else:
                    await intake.take(row.line, row.job, f"{intake.group}.{row.id}", named=False)


def _some_of(jobs: Iterator[ZipJob]) -> list[ZipJob]:
    """The next rows, as many as fit in CHUNK_BYTES, at least one; none at the end."""
    found: list[ZipJob] = []
    size = 0
    for row in jobs:
        found.append(row)
        size += 256
        if not isinstance(row.job, str):
            size += len(row.job.image or b"") + len(row.job.audio or b"")
        if size >= CHUNK_BYTES:
            break
    return found

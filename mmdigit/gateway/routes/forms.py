"""POST /v1/forms/{template}/pages: a scan of filled forms."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from mmdigit.forms.cells.jobs import group_of
from mmdigit.forms.template.layout import slots_of
from mmdigit.gateway.access.requiring import Submitter
from mmdigit.gateway.forms import Forms
from mmdigit.gateway.intake.ids import GroupName, IdempotencyKey, require_group
from mmdigit.gateway.intake.records import keep_submitted, require_room
from mmdigit.gateway.intake.scans import FORM, MAX_SCAN_BYTES, RECORDING, SUFFIXES, received_scan, send_scan
from mmdigit.gateway.intake.webhook_urls import WebhookUrl, require_webhook
from mmdigit.gateway.pages import require_forms
from mmdigit.gateway.problems import Problem, not_found
from mmdigit.gateway.registry.ports import StoredGroup, number_of
from mmdigit.gateway.services import UseServices
from schemas.api import PagesReceipt
from schemas.identifiers import id_of
from schemas.page import WHOLE_PAGE
from schemas.printable import printable

_FILE = {"schema": {"type": "string", "format": "binary"}}
_UPLOAD = {
    "schema": {
        "type": "object",
        "properties": {
            "scan": _FILE["schema"],
            RECORDING: _FILE["schema"] | {"description": "Of all spoken fields of the page, one after the other."},
        },
        "patternProperties": {rf"^{RECORDING}\.": _FILE["schema"] | {"description": "Of one field: recording.member."}},
        "required": ["scan"],
    }
}

router = APIRouter()


@router.post(
    "/v1/forms/{template}/pages",
    operation_id="submit_pages",
    summary="Submit scanned forms",
    status_code=202,
    response_model=PagesReceipt,
    openapi_extra={"requestBody": {"required": True, "content": {**dict.fromkeys(SUFFIXES, _FILE), FORM: _UPLOAD}}},
)
async def submit_pages(
    request: Request,
    template: Annotated[str, Path(max_length=64, description="Code of the form, as its template has it.")],
    services: UseServices,
    principal: Submitter,
    group: GroupName = None,
    webhook: WebhookUrl = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Publishes every page of a PDF, TIFF, PNG or JPEG file, and returns once the topic has acknowledged them all.

    A page that cannot be read is rejected by its number, and stops no other. The same file again is the same pages.
    A form may hold, beside a scan of one page, recordings of its spoken fields: WAV, FLAC or Ogg Opus.
    """
    forms = _forms_with(require_forms(services), template)
    require_room(services)
    require_webhook(webhook, services.webhook_hosts)
    if group is not None:
        await require_group(services, principal, group, "pages")
    with services.entrance.receiving(principal, request, MAX_SCAN_BYTES):
        async with received_scan(request, services) as scan:
            _require_spoken(scan.recordings, forms, template)
            sent = await send_scan(scan, principal.tenant, services, forms)
    if not sent.numbers:
        errors = "; ".join(f"page {rejection.page}: {rejection.error}" for rejection in sent.rejections[:3])
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, errors or "expected a scan of one or many pages, got none; scan it again"
        )
    name = group or (id_of("scan", sent.sha256) if idempotency_key is None else id_of("group", idempotency_key))
    # A page is kept under the form that it turns out to be of, or the first if that cannot be told.
    pages = tuple(
        group_of(sent.sha256, number, each, principal.tenant or None)
        for number in sent.numbers
        for each in forms.templates
    )
    kept = StoredGroup(principal.tenant, name, "pages", len(sent.numbers), services.now(), pages)
    numbers = [number_of(f"{sent.sha256}.{number}") for number in sent.numbers]
    await keep_submitted(services, kept, numbers, webhook)
    receipt = PagesReceipt(
        group=name, accepted=len(sent.numbers), rejected=sent.rejected, rejections=tuple(sent.rejections)
    )
    headers = {"Location": f"/v1/groups/{name}"}
    return Response(receipt.model_dump_json(), HTTPStatus.ACCEPTED, headers, "application/json")


def _forms_with(forms: Forms, name: str) -> Forms:
    """Raises Problem (404) if there is no such form."""
    names = sorted({template.form for template in forms.templates})
    if name not in names:
        raise not_found(f"expected one of the forms {', '.join(names)}, got {printable(name, 64)}; send another")
    return forms


def _require_spoken(recordings: Iterable[str], forms: Forms, name: str) -> None:
    """Raises Problem (422) unless each recording is of a spoken field of the form, or of a whole page."""
    templates = [template for template in forms.templates if template.form == name]
    slots = [slot for template in templates for page in range(len(template.pages)) for slot in slots_of(template, page)]
    spoken = {slot.name for slot in slots if slot.field.spoken != "no"}
    if unknown := sorted(set(recordings) - {WHOLE_PAGE} - spoken):
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"expected recordings of the spoken fields of form {name} ({', '.join(sorted(spoken)) or 'it has none'}), "
            f"got one of {printable(unknown[0], 100)}; leave it out",
        )

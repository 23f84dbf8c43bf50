"""GET /v1/export/{group}.csv and .parquet: the outcomes of a group as a table."""

import asyncio
import csv
import io
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

from fastapi import APIRouter, Query
from fastapi import Path as InPath
from fastapi.responses import StreamingResponse

from mmdigit.files.predictions_csv import PREDICTION_COLUMNS, answer_row, safe_cell
from mmdigit.gateway.access.principal import Principal
from mmdigit.gateway.access.requiring import Reader
from mmdigit.gateway.forms import Forms
from mmdigit.gateway.intake.ids import stored_id
from mmdigit.gateway.outcomes import statuses_of
from mmdigit.gateway.pages import require_forms, template_of, write_form_table
from mmdigit.gateway.registry.ports import StoredGroup
from mmdigit.gateway.routes.groups import Group, known_group
from mmdigit.gateway.services import Services, UseServices
from schemas.api import JobStatus

COLUMNS = (*PREDICTION_COLUMNS, "expected", "dead_letter_reason")
PAGE = 1000
CHUNK_BYTES = 256 * 1024
_NUMBERS = {"label", "image_label", "audio_label", "expected"}
_FRACTIONS = {"confidence", "image_confidence", "audio_confidence", "novelty"}
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}

router = APIRouter()


@router.get(
    "/v1/export/{group}.{kind}",
    operation_id="export_group",
    summary="The outcomes of a group as a table",
    response_class=StreamingResponse,
    responses={200: {"content": {kind: {"schema": {"type": "string"}} for kind in MEDIA_TYPES.values()}}},
)
async def export_group(
    group: Group,
    kind: Annotated[Literal["csv", "parquet"], InPath(description="Of the table.")],
    services: UseServices,
    principal: Reader,
    form: Annotated[str | None, Query(max_length=64, description="Of pages of several forms: the one to take.")] = None,
) -> StreamingResponse:
    """A row an outcome, in the order in which they came; of a group of pages, a row a form, as `mmdigit form export`
    writes it. What comes later is not in it.
    """
    stored = stored_id(principal, group, "group")
    submitted = await known_group(services, principal.tenant, group, stored)
    if submitted is not None and submitted.kind == "pages":
        table = await _form_table(require_forms(services), submitted, kind, form)
    else:
        outcomes = _pages(services, principal, stored)
        table = _csv(outcomes) if kind == "csv" else _parquet(outcomes)
    headers = {"Content-Disposition": f'attachment; filename="{group.replace(":", "_")}.{kind}"'}
    return StreamingResponse(table, media_type=MEDIA_TYPES[kind], headers=headers)


async def _form_table(forms: Forms, group: StoredGroup, kind: str, form: str | None) -> AsyncIterator[bytes]:
    """Written before the answer begins, so that what fails is a Problem and no broken table."""
    template = await asyncio.to_thread(template_of, forms, group, form)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"table.{kind}"
        await asyncio.to_thread(write_form_table, forms.store, group, template, path)
        return _chunks(path.open("rb"))  # its content stays until it is closed


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk


async def _pages(services: Services, principal: Principal, stored: str) -> AsyncIterator[list[JobStatus]]:
    position = ""
    while True:
        outcomes = await services.reader.group_outcomes(stored, position, PAGE)
        if not outcomes:
            return
        yield [status for _, status in statuses_of(principal, stored, outcomes)]
        position = outcomes[-1].position


def _cells(status: JobStatus) -> dict[str, str]:
    cells = {"id": safe_cell(status.job_id), "dead_letter_reason": status.reason or ""}
    if status.prediction is not None:
        expected = status.prediction.expected
        cells |= answer_row(status.prediction) | {"expected": "" if expected is None else str(expected)}
    return cells


async def _csv(pages: AsyncIterator[list[JobStatus]]) -> AsyncIterator[bytes]:
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, restval="")
    table.writeheader()
    async for page in pages:
        table.writerows(map(_cells, page))
        yield _taken(text)
    yield _taken(text)


def _taken(text: io.StringIO) -> bytes:
    content = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return content


async def _parquet(pages: AsyncIterator[list[JobStatus]]) -> AsyncIterator[bytes]:
    import pyarrow as pa  # here: it takes 37 MB, which a gateway without such an export need not have
    import pyarrow.parquet as pq

    written = _Written()
    kinds = {name: pa.int8() for name in _NUMBERS} | {name: pa.float64() for name in _FRACTIONS}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
    with pq.ParquetWriter(pa.PythonFile(written, mode="w"), schema) as table:
        async for page in pages:
            rows = [_cells(status) for status in page]
            arrays = [
                pa.array([_value(name, row.get(name, "")) for row in rows], schema.field(name).type) for name in COLUMNS
            ]
            table.write_table(pa.Table.from_arrays(arrays, schema=schema))
            yield written.taken()
    yield written.taken()


def _value(name: str, cell: str) -> str | int | float | None:
    if name in _NUMBERS:
        return int(cell) if cell else None
    if name in _FRACTIONS:
        return float(cell) if cell else None
    return cell


class _Written:
    """A file to write to, whose content is taken away piece by piece."""

    closed = False

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._size = 0

    def write(self, content: bytes) -> int:
        self._chunks.append(bytes(content))
        self._size += len(content)
        return len(content)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        """Nothing waits elsewhere."""

    def close(self) -> None:
        self.closed = True

    def taken(self) -> bytes:
        """What was written since the last call."""
        chunks, self._chunks = self._chunks, []
        return b"".join(chunks)

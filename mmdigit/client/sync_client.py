"""Client: the operations of the HTTP API. Made by lab/client.py from async_client.py: change that."""

import time
from collections.abc import Generator, Iterator, Iterable, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, Self

import httpx

from mmdigit.client.sync_reviewing import Reviewing
from mmdigit.client.event_parser import EventParser, ServerEvent
from mmdigit.client.problems import mapped_errors, no_answer, parsed, problem_of
from mmdigit.client.requests import (
    CHUNK_BYTES,
    JSON,
    Call,
    Content,
    checked_url,
    find_token,
    given,
    json_of,
    new_key,
    opened_batch,
    opened_parts,
    segment,
    size_of,
    submission,
)
from mmdigit.client.retries import Retries
from mmdigit.files.atomic import atomic_write_binary
from mmdigit.settings.redaction import redact
from schemas import VERSION
from schemas.api import (
    BatchReceipt,
    GroupPage,
    GroupStatus,
    JobStatus,
    JobSubmission,
    OutcomePage,
    PagesOfGroup,
    PagesReceipt,
)
from schemas.errors import ApiError
from schemas.watch import WatchStatus

URL = "http://127.0.0.1:8000"
RETRY_FOR_S = 60.0
TIMEOUT_S = 30.0
UPLOAD_S = 300.0
"""How long the API may take for a batch or scan once it has arrived."""
SILENT_S = 60.0
"""A stream without even a comment for so long is broken: the API sends one every 15 seconds."""
MAX_ANSWER_BYTES = 64 * 1024 * 1024


class Client(Reviewing):
    """Calls one gateway. Use it as a context manager, or close it.

    A request that fails because the gateway is away or asks for a pause is sent again, for at most retry_for_s seconds.
    Every submission has an Idempotency-Key, so that sending it again makes no second job.

    Each method raises ApiError if the API refuses the request, or does not answer in time.
    """

    def __init__(
        self,
        url: str = URL,
        token: str | None = None,
        *,
        retry_for_s: float = RETRY_FOR_S,
        timeout_s: float = TIMEOUT_S,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """url: where the gateway is. token: by default that of MMDIGIT_TOKEN or in the file MMDIGIT_TOKEN_FILE.

        timeout_s: for one attempt, besides the time that a request waits on purpose. transport: of httpx.
        Raises SettingsError if the URL or the token is none.
        """
        headers = {"User-Agent": f"mmdigit/{VERSION}"}
        if found := find_token(token):
            headers["Authorization"] = f"Bearer {found}"
        self._url = redact(checked_url(url))
        self._retry_for_s = retry_for_s
        self._timeout_s = timeout_s
        self._http = httpx.Client(base_url=url, headers=headers, transport=transport)

    def submit_job(
        self,
        image: Content | None = None,
        audio: Content | None = None,
        *,
        job_id: str | None = None,
        group: str | None = None,
        expected: int | None = None,
        wait: float = 0.0,
        idempotency_key: str | None = None,
    ) -> JobStatus:
        """Submit one job. wait: seconds to wait for its outcome, at most 30; without one in time, it is pending.

        image, audio: a file's content or its path, of one digit. expected: the true digit, which the model never sees.
        Raises DataError if a file cannot be read, ValueError if it is no job.
        """
        job = submission(image, audio, job_id=job_id, group=group, expected=expected)
        headers = {"Content-Type": JSON, "Idempotency-Key": idempotency_key or new_key()}
        params = given(wait=wait or None)
        return self._answer(Call("POST", "/v1/jobs", params, headers, json_of(job), wait_s=wait), JobStatus)

    def submit_batch(
        self,
        jobs: Iterable[JobSubmission] | str | Path,
        *,
        group: str | None = None,
        webhook: str | None = None,
        idempotency_key: str | None = None,
    ) -> BatchReceipt:
        """Submit many jobs as one group. jobs: submissions, or the path of a .zip, or of JSON Lines (.jsonl, .ndjson).

        webhook: a URL that is told when the group is finished. Raises DataError if a file cannot be read.
        """
        params = given(group=group, webhook=webhook)
        with opened_batch(jobs) as (file, kind):
            headers = {"Content-Type": kind, "Idempotency-Key": idempotency_key or new_key()}
            return self._answer(Call("POST", "/v1/batches", params, headers, file, wait_s=UPLOAD_S), BatchReceipt)

    def submit_pages(
        self,
        template: str,
        scan: str | Path,
        *,
        recording: str | Path | None = None,
        recordings: Mapping[str, str | Path] | None = None,
        group: str | None = None,
        webhook: str | None = None,
        idempotency_key: str | None = None,
    ) -> PagesReceipt:
        """Submit a scan of filled forms: a PDF, TIFF, PNG or JPEG file. template: the form's code.

        recording: of all spoken fields of the only page, in a row; recordings: of single fields, by name. webhook: as
        of submit_batch. Raises DataError if a file cannot be read.
        """
        params = given(group=group, webhook=webhook)
        headers = {"Idempotency-Key": idempotency_key or new_key()}
        path = f"/v1/forms/{segment(template)}/pages"
        with opened_parts(scan, recording, recordings or {}) as files:
            call = Call("POST", path, params, headers, files=files, wait_s=UPLOAD_S)
            return self._answer(call, PagesReceipt)

    def get_prediction(self, job_id: str) -> JobStatus:
        """The outcome of a job. Raises ApiError (404) while it has none."""
        return self._answer(Call("GET", f"/v1/predictions/{segment(job_id)}"), JobStatus)

    def result(self, job_id: str, timeout_s: float = 60.0) -> JobStatus:
        """The outcome of a job, asked for until it is there. Raises ApiError (404) if it is not within timeout_s."""
        deadline_s = time.monotonic() + timeout_s
        pause_s = 0.1
        while True:
            try:
                return self.get_prediction(job_id)
            except ApiError as error:
                left_s = deadline_s - time.monotonic()
                if error.status != 404 or left_s <= 0:
                    raise
            time.sleep(min(pause_s, left_s))
            pause_s = min(2 * pause_s, 2.0)

    def list_groups(self, *, before: str | None = None, limit: int = 100) -> GroupPage:
        """Groups that were sent as a batch, newest first. before: the last group of the page before."""
        params = given(limit=limit, before=before)
        return self._answer(Call("GET", "/v1/groups", params), GroupPage)

    def get_group(self, group: str) -> GroupStatus:
        """How far a group is: counts, decisions, seconds left."""
        return self._answer(Call("GET", f"/v1/groups/{segment(group)}"), GroupStatus)

    def get_group_predictions(self, group: str, *, after: str = "", limit: int = 100) -> OutcomePage:
        """A page of a group's outcomes, oldest first. after: `next` of the page before."""
        params = given(limit=limit, after=after or None)
        return self._answer(Call("GET", f"/v1/groups/{segment(group)}/predictions", params), OutcomePage)

    def get_group_pages(self, group: str, *, after: int = 0, limit: int = 100) -> PagesOfGroup:
        """The scanned pages of a group that a worker has looked at, and why one is not read. after: pages to skip."""
        params = given(limit=limit, after=after or None)
        return self._answer(Call("GET", f"/v1/groups/{segment(group)}/pages", params), PagesOfGroup)

    def outcomes(self, group: str) -> Iterator[JobStatus]:
        """The outcomes that a group has so far, oldest first."""
        after = ""
        while (page := self.get_group_predictions(group, after=after, limit=1000)).outcomes:
            for outcome in page.outcomes:
                yield outcome
            after = page.next

    def follow_group(self, group: str, *, last_event_id: str = "") -> Iterator[JobStatus]:
        """The outcomes of a group as they come, oldest first, until a batch has all of them; none of a group of pages.

        Goes on where it was if the connection breaks. last_event_id: `next` of a page, to begin after that page.
        """
        path = f"/v1/groups/{segment(group)}/events"
        with closing(self._events(path, last_event_id)) as events:
            for event in events:
                if event.kind == "finished":
                    return
                if event.kind == "outcome":
                    yield parsed(JobStatus, event.data.encode())

    def watch(self) -> Iterator[WatchStatus]:
        """How it is going, each time that it changes, and every five seconds in any case. Never ends by itself.

        Goes on if the connection breaks; the status says when the gateway looked.
        """
        with closing(self._events("/v1/watch/events")) as events:
            for event in events:
                if event.kind == "status":
                    yield parsed(WatchStatus, event.data.encode())

    def export_group(
        self, group: str, kind: Literal["csv", "parquet"], path: str | Path, *, form: str | None = None
    ) -> Path:
        """Write a group's outcomes, or its forms, as a table to path, whole or not at all.

        form: of pages of several forms, the one to take. Raises DataError if it cannot be written.
        """
        call = Call("GET", f"/v1/export/{segment(group)}.{kind}", given(form=form))
        retries = Retries(self._retry_for_s)
        while True:
            try:
                with self._opened(call) as response:
                    with atomic_write_binary(Path(path)) as file:
                        for chunk in response.iter_bytes():
                            file.write(chunk)
                return Path(path)
            except ApiError as error:
                failed = error
            time.sleep(retries.delay_s(failed))

    def _events(self, path: str, last_event_id: str = "") -> Generator[ServerEvent]:
        """The events of a stream. Goes on after the last id if the connection breaks, and never ends by itself."""
        retries = Retries(self._retry_for_s)
        while True:
            headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
            events = EventParser()
            try:
                with self._opened(Call("GET", path, headers=headers, wait_s=SILENT_S)) as response:
                    retries.opened()
                    for chunk in response.iter_bytes():
                        retries.received()
                        for event in events.feed(chunk):
                            retries.progress()
                            last_event_id = event.id or last_event_id
                            yield event
                cut = ApiError(None, "Stream ended", "expected the last event, got the stream's end; follow it again")
            except ApiError as error:
                cut = error
            time.sleep(retries.delay_s(cut))

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _body(self, call: Call) -> bytes:
        """The answer to a call, which is sent again where that helps."""
        retries = Retries(self._retry_for_s)
        while True:
            try:
                with self._opened(call) as response:
                    return _body_of(response)
            except ApiError as error:
                failed = error
            time.sleep(retries.delay_s(failed))

    @contextmanager
    def _opened(self, call: Call) -> Iterator[httpx.Response]:
        """The answer to one attempt. Raises ApiError if it is an error, or breaks off."""
        headers, body = dict(call.headers), call.body
        if not isinstance(body, bytes):
            headers["Content-Length"] = str(size_of(body))
        timeout = httpx.Timeout(self._timeout_s, read=self._timeout_s + call.wait_s)
        with mapped_errors(self._url):
            content = None if call.files else body if isinstance(body, bytes) else _chunks(body)
            with self._http.stream(
                call.method,
                call.path,
                params=call.params,
                headers=headers,
                content=content,
                files=call.files or None,
                timeout=timeout,
            ) as response:
                if response.status_code >= 300:
                    raise problem_of(response.status_code, response.headers, _body_of(response))
                yield response


def _body_of(response: httpx.Response) -> bytes:
    chunks, size = [], 0
    for chunk in response.iter_bytes():
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise no_answer(f"more than {MAX_ANSWER_BYTES} bytes")
    return b"".join(chunks)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk

"""A typed client of the HTTP API: `Client`, and `AsyncClient` for asyncio. Needs the extra `client`."""

from mmdigit.client.async_client import AsyncClient
from mmdigit.client.requests import submission
from mmdigit.client.sync_client import Client
from schemas.api import BatchReceipt, GroupPage, GroupStatus, JobStatus, JobSubmission, OutcomePage, PagesReceipt
from schemas.errors import ApiError
from schemas.watch import WatchStatus

__all__ = [
    "ApiError",
    "AsyncClient",
    "BatchReceipt",
    "Client",
    "GroupPage",
    "GroupStatus",
    "JobStatus",
    "JobSubmission",
    "OutcomePage",
    "PagesReceipt",
    "WatchStatus",
    "submission",
]

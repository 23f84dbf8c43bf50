"""A typed client of the HTTP API: `Client`, and `AsyncClient` for asyncio. Needs the extra `client`."""

from mmdigit.client.async_client import AsyncClient
from mmdigit.client.requests import submission
from mmdigit.client.sync_client import Client
from schemas.api import BatchReceipt, GroupPage, GroupStatus, JobStatus, JobSubmission, OutcomePage, PagesReceipt
from schemas.errors import ApiError
from schemas.review import Claim, DigitKey, FieldHistory, Key, KeyResults, ReviewGroups
from schemas.watch import WatchStatus

__all__ = [
    "ApiError",
    "AsyncClient",
    "BatchReceipt",
    "Claim",
    "Client",
    "DigitKey",
    "FieldHistory",
    "GroupPage",
    "GroupStatus",
    "JobStatus",
    "JobSubmission",
    "Key",
    "KeyResults",
    "OutcomePage",
    "PagesReceipt",
    "ReviewGroups",
    "WatchStatus",
    "submission",
]

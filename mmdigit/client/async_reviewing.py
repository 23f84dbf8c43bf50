"""AsyncReviewing: the operations of reviewing forms for asyncio. lab/client.py makes the sync one from this file."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from mmdigit.client.problems import M, parsed
from mmdigit.client.requests import JSON, Call, given, segment
from schemas.review import (
    Claim,
    ClaimRequest,
    DigitKey,
    FieldHistory,
    Key,
    KeyResults,
    Keys,
    ReviewGroups,
    ReviewKind,
)

_JSON = {"Content-Type": JSON}


class AsyncReviewing(ABC):
    """What people who review forms ask for. Each method raises as the client's others."""

    async def list_review_groups(self, *, limit: int = 100, clerk: str | None = None) -> ReviewGroups:
        """Of the newest groups, those of forms: what is left to review in them, and who is on what. clerk: as for
        claim_fields; second keys that they may not make are left out."""
        return await self._answer(Call("GET", "/v1/review/groups", given(limit=limit, clerk=clerk)), ReviewGroups)

    async def claim_fields(
        self,
        group: str,
        *,
        form: str | None = None,
        kind: ReviewKind = "review",
        digit: int | None = None,
        count: int = 20,
        clerk: str | None = None,
    ) -> Claim:
        """Fields, or boxes of kind digits, that nobody else gets until the claim expires; empty if none is left.

        form: where the group has several. digit: of kind digits, the one that was read. clerk: who asks, where nobody
        logs in. Sent again after a broken connection it is another claim; the first one expires.
        """
        ask = ClaimRequest(form=form, kind=kind, digit=digit, count=count, clerk=clerk)
        path = f"/v1/review/groups/{segment(group)}/claims"
        return await self._answer(Call("POST", path, headers=_JSON, body=ask.model_dump_json().encode()), Claim)

    async def renew_claim(self, claim: str) -> Claim:
        """Keep a claim for longer; the answer has no fields."""
        return await self._answer(Call("PUT", f"/v1/review/claims/{segment(claim)}"), Claim)

    async def release_claim(self, claim: str) -> None:
        """Give a claim back, so that others may claim its fields at once."""
        await self._body(Call("DELETE", f"/v1/review/claims/{segment(claim)}"))

    async def put_keys(self, claim: str, fields: Sequence[Key] = (), boxes: Sequence[DigitKey] = ()) -> KeyResults:
        """Say what is written in fields or boxes of a claim; what became of each, in order."""
        keys = Keys(fields=tuple(fields), boxes=tuple(boxes))
        path = f"/v1/review/claims/{segment(claim)}/keys"
        return await self._answer(Call("POST", path, headers=_JSON, body=keys.model_dump_json().encode()), KeyResults)

    async def get_field_history(self, group: str, field: str) -> FieldHistory:
        """What the model read in a field, and every change since. field: its id, from a claim."""
        path = f"/v1/review/groups/{segment(group)}/fields/{segment(field)}/history"
        return await self._answer(Call("GET", path), FieldHistory)

    async def get_field_sound(self, group: str, field: str) -> bytes:
        """The recording of a field, a WAV file. field: as for get_field_history; of a claim, one with a sound."""
        return await self._body(Call("GET", f"/v1/review/groups/{segment(group)}/fields/{segment(field)}/sound"))

    async def _answer(self, call: Call, kind: type[M]) -> M:
        """The answer to a call, which is sent again where that helps."""
        return parsed(kind, await self._body(call))

    @abstractmethod
    async def _body(self, call: Call) -> bytes:
        """The answer's content."""

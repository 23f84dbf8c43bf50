"""Gives people work that nobody else has."""

from collections.abc import Iterator
from http import HTTPStatus
from itertools import islice

from mmdigit.forms.store.people import login_mark
from mmdigit.forms.store.review_port import Claimed, Place, StoredClaim
from mmdigit.gateway.access.entrance import LOOPBACK
from mmdigit.gateway.access.principal import Principal
from mmdigit.gateway.intake.ids import new_id
from mmdigit.gateway.pages import no_pages
from mmdigit.gateway.problems import Problem
from mmdigit.gateway.reviewing.desk import GroupWork, ReviewDesk
from mmdigit.gateway.reviewing.open_work import OpenWork
from schemas.printable import printable, visible
from schemas.review import MAX_CLERK, ClaimRequest

MORE = 20
"""Places that one transaction looks at besides those that are asked for: some may be gone by now."""
NOBODY = "somebody"
"""Who keys without a name, where nobody logs in."""


def clerk_of(principal: Principal, name: str | None) -> str:
    """By whose name the principal keys: the token's; where nobody logs in, the one that they give.

    Nobody who logs in by an identity provider gets a token's name, or another's.
    """
    if principal.subject == LOOPBACK.subject:
        return visible(name or "", MAX_CLERK) or NOBODY
    kind, _, known = principal.subject.partition(":")
    mark = login_mark(known) if kind == "oidc" else ""
    return visible(principal.name or known, MAX_CLERK - len(mark)) + mark


def known_group(desk: ReviewDesk, principal: Principal, group: str, *, anew: bool = False) -> GroupWork:
    """The work of a group. Raises Problem (404) if the caller's tenant has none of that name."""
    work = desk.work(principal.tenant, group, anew=anew)
    if work is None:
        raise no_pages()
    return work


def claim_work(
    desk: ReviewDesk, principal: Principal, group: str, ask: ClaimRequest
) -> tuple[StoredClaim, OpenWork | None, list[Claimed]]:
    """A new claim and what it has got: nothing if there is none left.

    Raises Problem: 404 if there is no such group, 422 if the request names no one form or digit.
    """
    if (ask.digit is None) == (ask.kind == "digits"):
        wanted = "the digit of kind digits" if ask.digit is None else f"no digit for kind {ask.kind}"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"digit: expected {wanted}, got the other; change it")
    claim = StoredClaim(
        new_id(), principal.tenant, group, principal.subject, clerk_of(principal, ask.clerk), ask.kind,
        desk.expires_at(),
    )  # fmt: skip
    work = _work_of(known_group(desk, principal, group), ask.form)
    got = [] if work is None else _claim(desk, claim, work, ask)
    if not got:  # there may be more by now
        work = _work_of(known_group(desk, principal, group, anew=True), ask.form)
        got = [] if work is None else _claim(desk, claim, work, ask)
    return claim, work, got


def _claim(desk: ReviewDesk, claim: StoredClaim, work: OpenWork, ask: ClaimRequest) -> list[Claimed]:
    now = desk.now()
    places = _free(desk, claim, work, ask.digit)
    got: list[Claimed] = []
    while len(got) < ask.count and (batch := list(islice(places, ask.count - len(got) + MORE))):
        got += desk.review.claim(
            claim, batch, ask.count - len(got), now,
            lambda place, reviewed: work.is_open(place, reviewed, claim.kind, ask.digit, claim.clerk),
        )  # fmt: skip
    return got


def _free(desk: ReviewDesk, claim: StoredClaim, work: OpenWork, digit: int | None) -> Iterator[Place]:
    """What the claim may get, as far as is known."""
    held = {each.place for each in desk.review.held(claim.tenant, claim.group, desk.now())}
    fields = {place.field for place in held}
    seen: set[Place] = set()
    for place in work.places(claim.kind, digit, claim.clerk):
        free = place.field not in fields if place.box is None else not {place, Place(place.field)} & held
        if free and place not in seen:
            seen.add(place)
            yield place


def _work_of(group: GroupWork, form: str | None) -> OpenWork | None:
    """The work on one form. Raises Problem (422) if the group has pages of several, and none or another is named."""
    forms = {work.template.form for work in group.works}
    if form is None and len(forms) > 1:
        names = ", ".join(sorted(forms))
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"form: expected one of {names}, got none; name one")
    if form is not None and form not in forms:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"form: expected one that the group has values of, got {printable(form, 64)}; change it",
        )
    # Pages of two revisions of a form are two works: the first that has something to do.
    found = [work for work in group.works if form in (None, work.template.form)]
    return next((work for work in found if any(work.left.model_dump(exclude={"digits"}).values())), None)

"""The page worker's promises under any order of faults: a state machine on a fake broker, topic of jobs and database.

Whatever fails, a page is committed only after its jobs are acknowledged and it is kept, or its dead letter is
acknowledged; and in the end every record has an outcome.
"""

from collections.abc import Iterator

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mmdigit.forms.cells.jobs import group_of
from mmdigit.forms.pages.decoder import PageDecoder
from mmdigit.forms.pages.page import PageFault, ScannedPage
from mmdigit.forms.sheets.keeping import PageOrigin, kept_fault
from mmdigit.forms.spoken.recordings import PageRecordings
from mmdigit.forms.worker.registrar import PageRegistrar, RegisteredPage
from mmdigit.transport.ports import TopicPartition
from schemas.job import Job
from schemas.wire import decode_page
from tests.mmdigit.forms.worker.fakes import SHA256, PageBench, page_record
from tests.mmdigit.forms.written import TEMPLATE
from tests.worker.fakes import NOON
from tests.worker.test_promises import PLACES, Broker

PAGE, FAULT, DEADLY, JUNK = b"page", b"fault", b"deadly", b"junk"
JOBS_A_PAGE = 3


class InstantDecoder(PageDecoder):
    """Decodes what the content says, without a process."""

    def decode(self, content: bytes, first: int = 1) -> Iterator[ScannedPage | PageFault]:
        if content == PAGE:
            yield ScannedPage(1, np.zeros((1, 1), np.uint8))
        else:
            yield PageFault(1, "unreadable", "expected a page", ended_decoder=content == DEADLY)


class InstantRegistrar(PageRegistrar):
    """Gives each page that is read the same number of jobs."""

    def register(
        self, scanned: ScannedPage | PageFault, origin: PageOrigin, recordings: PageRecordings | None = None
    ) -> RegisteredPage:
        fault = scanned if isinstance(scanned, PageFault) else PageFault(scanned.number, "bent", "")
        jobs = range(0 if isinstance(scanned, PageFault) else JOBS_A_PAGE)
        return RegisteredPage(
            kept_fault(fault, origin, TEMPLATE),
            tuple(Job(job_id=job_id(scanned.number, n), image=bytes(784), created_at=NOON) for n in jobs),
        )


def job_id(page: int, number: int) -> str:
    return f"{page}-{number}"


class Promises(RuleBasedStateMachine):
    """Pages, bad records and faults in any order; the invariants hold after each turn."""

    def __init__(self) -> None:
        super().__init__()
        self.broker = Broker()
        options: dict[str, object] = {"breaker_in_a_row": 0, "breaker_share": 1}
        self.bench = PageBench(self.broker, options, InstantDecoder(), InstantRegistrar([TEMPLATE]))
        self.broker.owned = dict.fromkeys(PLACES, 0)
        self.broker.after_commit = self.check_committed
        self.sent = 0

    @rule(
        place=st.sampled_from(PLACES),
        kinds=st.lists(st.sampled_from([PAGE, PAGE, FAULT, DEADLY, JUNK]), max_size=4),
    )
    def send(self, place: TopicPartition, kinds: list[bytes]) -> None:
        for kind in kinds:
            value = b"junk %d" % self.sent if kind == JUNK else page_record(self.sent, kind).value
            self.broker.logs[place].append(value)
            self.sent += 1

    @rule(
        moves=st.lists(st.tuples(st.sampled_from(["assign", "revoke", "lose"]), st.sampled_from(PLACES)), max_size=4),
        polls=st.integers(0, 2),
        jobs=st.integers(0, 2),
        stores=st.integers(0, 3),
        commits=st.integers(0, 2),
        letters=st.integers(0, 2),
        turns=st.integers(1, 4),
    )
    def turn(
        self,
        moves: list[tuple[str, TopicPartition]],
        polls: int,
        jobs: int,
        stores: int,
        commits: int,
        letters: int,
        turns: int,
    ) -> None:
        self.broker.moves += moves
        self.broker.failing_polls, self.broker.failing_commits = polls, commits
        self.bench.jobs.failing, self.bench.store.failing, self.bench.dead.lose = jobs, stores, letters
        for _ in range(turns):
            self.bench.worker.run_once()

    def is_done(self, value: bytes) -> bool:
        """Whether the record has all of its outcomes."""
        dead = value in {letter.original for letter in self.bench.dead.letters}
        if value.startswith(JUNK):
            return dead
        page = decode_page(value)
        kept = group_of(SHA256, page.number, TEMPLATE) in self.bench.store.kept
        published = {job.job_id for job in self.bench.jobs.jobs}
        if page.content == PAGE:
            return kept and {job_id(page.number, n) for n in range(JOBS_A_PAGE)} <= published
        return kept and dead == (page.content == DEADLY)

    def check_committed(self) -> None:
        """What is committed has its outcome, also at the moment of the commit."""
        for place in PLACES:
            assert all(map(self.is_done, self.broker.logs[place][: self.broker.committed[place]]))

    @invariant()
    def what_is_in_flight_is_bounded(self) -> None:
        assert self.bench.worker._offsets.in_flight <= 1

    def teardown(self) -> None:
        """Once the faults end, every record has an outcome and is committed."""
        self.broker.moves = [("assign", place) for place in PLACES]
        for _ in range(sum(map(len, self.broker.logs.values())) + 6):
            self.bench.worker.run_once()
        assert all(self.is_done(value) for log in self.broker.logs.values() for value in log)
        assert self.broker.committed == {place: len(log) for place, log in self.broker.logs.items()}


TestPromises = Promises.TestCase
TestPromises.settings = settings(max_examples=150, stateful_step_count=20, deadline=None, derandomize=True)

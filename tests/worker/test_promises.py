"""The loop's promises under any order of faults: a state machine of the worker on a fake broker and store.

Whatever fails, an offset is committed only after its job is stored or its dead letter acknowledged, and in the end
every job has an outcome.
"""

from collections.abc import Callable, Mapping

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mmdigit.transport.ports import Record, TopicPartition
from schemas.errors import RebalanceError, TransportError
from tests.worker.fakes import P0, P1, Bench, Closable, FakeConsumer, job_value, record

PLACES = (P0, P1)


class Broker(FakeConsumer, Closable):
    """Two partitions that keep their records, deliver from the last commit, and move on demand."""

    def __init__(self) -> None:
        super().__init__()
        self.logs: dict[TopicPartition, list[bytes]] = {place: [] for place in PLACES}
        self.committed = dict.fromkeys(PLACES, 0)
        self.owned: dict[TopicPartition, int] = {}
        self.moves: list[tuple[str, TopicPartition]] = []
        """One event for each of the next polls and keep-alives."""
        self.after_commit: Callable[[], object] = lambda: None

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        self.move()
        if self.failing_polls:
            self.failing_polls -= 1
            raise TransportError("broker away")
        polled: list[Record] = []
        for place in sorted(self.owned):
            start = self.owned[place]
            values = self.logs[place][start : start + max_records - len(polled)]
            polled += [record(start + n, value, place) for n, value in enumerate(values)]
            self.owned[place] = start + len(values)
        return polled

    def keep_alive(self) -> None:
        self.move()

    def positions(self) -> dict[TopicPartition, int]:
        return dict(self.owned)

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        if not next_offsets.keys() <= self.owned.keys():
            raise RebalanceError("not yours")
        if self.failing_commits:
            self.failing_commits -= 1
            raise TransportError("commit not answered")
        self.take(next_offsets)

    def take(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        for place, next_offset in next_offsets.items():
            assert next_offset >= self.committed[place], "a commit went back"
            self.committed[place] = next_offset
        self.after_commit()

    def move(self) -> None:
        if not self.moves:
            return
        event, place = self.moves.pop(0)
        if event == "assign" and place not in self.owned and self.on_assigned is not None:
            self.owned[place] = self.committed[place]
            self.on_assigned(frozenset({place}))
        elif event != "assign" and place in self.owned and self.on_revoked is not None:
            finished = self.on_revoked(frozenset({place}))
            assert finished.keys() <= {place}
            if event == "revoke":  # a lost partition commits nothing
                self.take(finished)
            del self.owned[place]


class Promises(RuleBasedStateMachine):
    """Jobs, bad records and faults in any order; the invariants hold after each turn."""

    def __init__(self) -> None:
        super().__init__()
        self.broker = Broker()
        options: dict[str, object] = {"batch_size": 3, "breaker_in_a_row": 0, "breaker_share": 1}
        self.bench = Bench(self.broker, options=options)
        self.broker.owned = dict.fromkeys(PLACES, 0)
        self.broker.after_commit = self.check_committed
        self.sent = 0

    @rule(place=st.sampled_from(PLACES), bad=st.lists(st.booleans(), max_size=5))
    def send(self, place: TopicPartition, bad: list[bool]) -> None:
        for is_bad in bad:
            self.sent += 1
            self.broker.logs[place].append(b"bad %d" % self.sent if is_bad else job_value(f"j{self.sent}"))

    @rule(
        moves=st.lists(st.tuples(st.sampled_from(["assign", "revoke", "lose"]), st.sampled_from(PLACES)), max_size=4),
        polls=st.integers(0, 2),
        stores=st.integers(0, 3),
        commits=st.integers(0, 2),
        letters=st.integers(0, 2),
        models=st.integers(0, 1),
        turns=st.integers(1, 3),
        wait_s=st.sampled_from([0.0, 0.0, 1.0]),
    )
    def turn(
        self,
        moves: list[tuple[str, TopicPartition]],
        polls: int,
        stores: int,
        commits: int,
        letters: int,
        models: int,
        turns: int,
        wait_s: float,
    ) -> None:
        self.broker.moves += moves
        self.broker.failing_polls, self.broker.failing_commits = polls, commits
        self.bench.store.failing, self.bench.publisher.lose, self.bench.model.broken = stores, letters, models
        for _ in range(turns):
            self.bench.clock.now_s += wait_s
            self.bench.worker.run_once()

    def outcomes(self) -> set[bytes]:
        stored = {job_value(job_id) for job_id in self.bench.store.predictions}
        return stored | {letter.original for letter in self.bench.publisher.letters}

    def check_committed(self) -> None:
        """What is committed has its outcome, also at the moment of the commit."""
        outcomes = self.outcomes()
        for place in PLACES:
            assert set(self.broker.logs[place][: self.broker.committed[place]]) <= outcomes

    @invariant()
    def what_is_in_flight_is_bounded(self) -> None:
        assert self.bench.worker._offsets.in_flight <= 3

    def teardown(self) -> None:
        """Once the faults end, every job has an outcome and is committed."""
        self.broker.moves = [("assign", place) for place in PLACES]
        for _ in range(sum(map(len, self.broker.logs.values())) + 4):
            self.bench.clock.now_s += 1.0
            self.bench.worker.run_once()
        sent = {value for log in self.broker.logs.values() for value in log}
        assert self.outcomes() == sent
        assert self.broker.committed == {place: len(log) for place, log in self.broker.logs.items()}


TestPromises = Promises.TestCase
TestPromises.settings = settings(max_examples=60, stateful_step_count=12, deadline=None, derandomize=True)

"""Connections: who gives way when there are too many, and whom a sweep closes; how many files may be open."""

import subprocess
import sys

from mmdigit.gateway.metrics import Closing
from mmdigit.gateway.serving.connections import Connections


class _Fake:
    def __init__(self) -> None:
        self.late: Closing | None = None
        self.aborted = False

    def overdue(self, now_s: float) -> Closing | None:
        return self.late

    def abort(self) -> None:
        self.aborted = True


def _all(limit: int) -> tuple[Connections, list[_Fake], list[Closing]]:
    closed: list[Closing] = []
    connections = Connections(limit, closed.append)
    fakes = [_Fake() for _ in range(limit)]
    for fake in fakes:
        connections.add(fake)
    return connections, fakes, closed


def test_connection_that_waits_longest_gives_way() -> None:
    connections, fakes, closed = _all(4)
    connections.requested(fakes[0])
    connections.got_on(fakes[1])
    new = _Fake()
    connections.add(new)
    assert [fake.aborted for fake in (*fakes, new)] == [False, False, True, False, False]
    connections.add(_Fake())
    assert [fake.aborted for fake in (*fakes, new)] == [False, False, True, True, False]
    assert (len(connections), closed) == (4, ["room", "room"])


def test_connection_that_was_answered_gives_way_again() -> None:
    connections, fakes, _ = _all(2)
    for fake in fakes:
        connections.requested(fake)
    connections.got_on(fakes[1])
    connections.add(_Fake())
    assert [fake.aborted for fake in fakes] == [False, True]


def test_new_connection_is_closed_if_all_others_are_busy() -> None:
    connections, fakes, closed = _all(3)
    for fake in fakes:
        connections.requested(fake)
    new = _Fake()
    connections.add(new)
    assert new.aborted
    assert not any(fake.aborted for fake in fakes)
    connections.discard(new)
    assert (len(connections), closed) == (3, ["room"])


def test_ended_connection_leaves_its_place() -> None:
    connections, fakes, closed = _all(2)
    connections.discard(fakes[0])
    connections.got_on(fakes[0])
    connections.add(_Fake())
    assert (len(connections), closed, fakes[1].aborted) == (2, [], False)


def test_sweep_closes_those_that_take_too_long() -> None:
    connections, fakes, closed = _all(3)
    fakes[1].late = "reader"
    connections.sweep(0.0)
    connections.sweep(1.0)
    assert [fake.aborted for fake in fakes] == [False, True, False]
    assert (len(connections), closed) == (2, ["reader"])


def test_room_for_is_found_by_raising_the_soft_limit() -> None:
    program = """
import resource
from mmdigit.gateway.serving.connections import room_for
for limits in ((100, 2000), (100, 400), (100, 100)):
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    print(room_for(1000), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n") == ["1000 1256", "200 400", "50 100", ""]
    assert done.stderr.count("ulimit -n") == 2

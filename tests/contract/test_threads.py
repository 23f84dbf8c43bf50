"""Different threads may use a publisher or a store one after another, on every adapter."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tests.adapters import Queue, Read, Store
from tests.factories import make_prediction

T = TypeVar("T")


def call_in_a_thread(call: Callable[..., T], *arguments: object) -> T:
    """What the call returns in a new thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(call, *arguments).result()


def test_publisher_serves_one_thread_after_another(queue: Queue, read: Read) -> None:
    publisher = queue.publisher()
    for value in [b"0", b"1", b"2"]:
        call_in_a_thread(publisher.send, b"same", value)
        call_in_a_thread(publisher.flush, 10)
    call_in_a_thread(publisher.close)
    assert [record.value for record in read(queue.consumer(), 3)] == [b"0", b"1", b"2"]


def test_store_serves_one_thread_after_another(store: Store) -> None:
    opened = store.open()
    for number in range(3):
        call_in_a_thread(opened.put, [make_prediction(number)])
        assert call_in_a_thread(opened.get, [f"job-{number}"]) == [make_prediction(number)]
    assert len(call_in_a_thread(opened.feed)) == 3
    call_in_a_thread(opened.close)

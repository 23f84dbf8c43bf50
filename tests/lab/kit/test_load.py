"""Load publishes bursts and remembers which jobs were acknowledged, on a SQLite file."""

from pathlib import Path

from lab.kit.load import Load
from lab.kit.polling import until
from mmdigit.transport.urls import open_consumer
from producer.sources.sample import Sample


def test_load_publishes_every_job_across_a_pause(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    with Load(url, "g", [Sample("a", bytes(784), None, 1)], trickle_per_s=0.0) as load:
        load.burst(30)
        until(lambda: load.sent == 30, "30 sent")
        load.pause()
        load.resume()
        until(lambda: len(load.acknowledged) == 30, "30 acknowledged")
        load.burst(5)
        until(lambda: load.sent == 35, "5 more")
    assert sorted(load.acknowledged) == list(range(35))
    assert load.errors == []
    with open_consumer(url, group="g") as consumer:
        assert len(consumer.poll(100, 5.0)) == 35

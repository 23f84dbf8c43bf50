"""python -m lab.faults.eager: the worker, but each rebalance revokes all partitions first.

That is Kafka's older protocol, and what the cooperative one of the worker is compared with.
"""

import runpy

from kafka.coordinator.assignors.range import RangePartitionAssignor

from mmdigit.transport.kafka import consumer

if __name__ == "__main__":
    consumer.CooperativeStickyAssignor = RangePartitionAssignor  # type: ignore[attr-defined]  # it is another's
    runpy.run_module("worker", run_name="__main__", alter_sys=True)

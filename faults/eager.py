"""python -m faults.eager: the worker, but a rebalance takes all partitions from all members before it shares them out.

That is Kafka's older protocol, and what the cooperative one of the worker is compared with.
"""

import runpy

from kafka.coordinator.assignors.range import RangePartitionAssignor

from transport import kafka_consumer

if __name__ == "__main__":
    kafka_consumer.CooperativeStickyAssignor = RangePartitionAssignor  # type: ignore[attr-defined]  # it is another's
    runpy.run_module("worker", run_name="__main__", alter_sys=True)

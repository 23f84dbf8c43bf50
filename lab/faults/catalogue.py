"""All faults, in the order of the report."""

from lab.faults import broker_faults, disk_faults, host_faults, link_faults, store_faults, worker_faults

CATALOGUE = (
    *worker_faults.FAULTS,
    *host_faults.FAULTS,
    *broker_faults.FAULTS,
    *store_faults.FAULTS,
    *link_faults.FAULTS,
    *disk_faults.FAULTS,
)

"""All faults, in the order of the report."""

from faults import broker_faults, link_faults, store_faults, worker_faults

CATALOGUE = (*worker_faults.FAULTS, *broker_faults.FAULTS, *store_faults.FAULTS, *link_faults.FAULTS)

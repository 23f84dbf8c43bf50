"""All faults, in the order of the report."""

from lab.faults import (
    broker_faults,
    clock_faults,
    disk_faults,
    gateway_faults,
    link_faults,
    memory_faults,
    page_faults,
    store_faults,
    worker_faults,
)
from lab.faults.fault import Fault, GatewayFault, PageFault

DIGIT_FAULTS = (
    *worker_faults.FAULTS,
    *clock_faults.FAULTS,
    *memory_faults.FAULTS,
    *broker_faults.FAULTS,
    *store_faults.FAULTS,
    *link_faults.FAULTS,
    *disk_faults.FAULTS,
)
AnyFault = Fault | PageFault | GatewayFault
ALL_FAULTS: tuple[AnyFault, ...] = (*DIGIT_FAULTS, *page_faults.FAULTS, *gateway_faults.FAULTS)

"""What benchmarks and faults share: services, load, machine, report."""

"""The scaling of deploy/terraform, simulated: what its figures would do with a backlog, without AWS."""

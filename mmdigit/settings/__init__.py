"""Settings of every program: MMDIGIT_* variables and flags, access to Kafka and Redis, exit codes."""

# A small stack for trials or for about ten thousand jobs a day: terraform apply -var-file=small.tfvars. docs/operate/sizing.md
# compares its cost with the default. It has one store node and one of each endpoint, which fail together with their zone.
broker_type       = "kafka.t3.small"
broker_volume_gib = 20
redis_node_type   = "cache.t4g.small"
redis_nodes       = 1
endpoint_zones    = 1
partitions        = 6
min_capacity      = 1
max_capacity      = 2
task_cpu          = 512
task_memory_mib   = 1024
spot_percent      = 100
prediction_ttl_s  = 604800

jobs_per_second_per_task = 250

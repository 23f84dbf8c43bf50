# The small stack can be planned. A test compares its variables with small.tfvars.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  region                    = "eu-central-1"
  image_tag                 = "0.8.0"
  redis_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:mmdigit-redis-AbCdEf"
  alarm_topic_arns          = ["arn:aws:sns:eu-central-1:123456789012:on-call"]
}

run "small" {
  command = plan
  variables {
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
  }

  assert {
    condition     = aws_elasticache_replication_group.this.num_cache_clusters == 1 && !aws_elasticache_replication_group.this.automatic_failover_enabled && !aws_elasticache_replication_group.this.multi_az_enabled
    error_message = "One node has no failover: AWS would reject it."
  }
  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.interface : length(endpoint.subnet_ids) == 1])
    error_message = "Each endpoint is in one zone."
  }
  assert {
    condition     = keys(aws_cloudwatch_metric_alarm.store_full) == ["001"]
    error_message = "The only node has alarms, and no alarm expects another."
  }
}

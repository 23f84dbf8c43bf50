# Alarms: missing lag data, old backlog, too few workers, dead letters, failed deployments; store or brokers that are full,
# busy or lack a replica.

check "somebody_is_told" {
  assert {
    condition     = length(var.alarm_topic_arns) > 0
    error_message = "Expected an SNS topic in alarm_topic_arns, got none: alarms notify nobody."
  }
}

resource "aws_cloudwatch_metric_alarm" "lag_missing" {
  alarm_name          = "${var.name}-lag-missing"
  alarm_description   = "MSK has published no lag for the group for ten minutes, so the workers no longer scale by it. The group keeps rebalancing, has never committed, or has another name."
  namespace           = local.backlog_metrics.worker.lag.namespace
  metric_name         = local.backlog_metrics.worker.lag.name
  dimensions          = local.backlog_metrics.worker.lag.dimensions
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 10
  comparison_operator = "LessThanThreshold"
  threshold           = 0 # only missing data counts
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = local.tags
}

resource "aws_cloudwatch_metric_alarm" "backlog" {
  for_each            = local.consumers
  alarm_name          = "${var.name}-${each.value.prefix}backlog"
  alarm_description   = "${each.value.of}: for 15 minutes more than the running tasks can process in ${each.value.alarm_s} s. Do: ${each.value.advice} (docs/operate/operations.md)."
  evaluation_periods  = 15
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.alarm_s
  treat_missing_data  = "notBreaching" # before the first record; lag_missing covers the rest for jobs
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns

  metric_query {
    id          = "backlog_seconds"
    expression  = local.backlog_seconds[each.key]
    label       = "${each.value.of}, in seconds of the tasks that run"
    return_data = true
  }
  dynamic "metric_query" {
    for_each = local.backlog_metrics[each.key]
    content {
      id = metric_query.key
      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        dimensions  = metric_query.value.dimensions
        stat        = "Average"
        period      = 60
      }
    }
  }

  tags = local.tags
}

resource "aws_cloudwatch_metric_alarm" "too_few" {
  for_each            = local.services
  alarm_name          = "${var.name}-too-few-${each.key}s"
  alarm_description   = "Fewer than ${each.value.min} tasks of ${var.name}-${each.key} have been running for ten minutes: see the service's events and the exit codes of stopped tasks (docs/operate/operations.md)."
  namespace           = "ECS/ContainerInsights"
  metric_name         = "RunningTaskCount"
  dimensions          = { ClusterName = aws_ecs_cluster.this.name, ServiceName = "${var.name}-${each.key}" }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 10
  comparison_operator = "LessThanThreshold"
  threshold           = each.value.min
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = local.tags
}

locals {
  # ElastiCache's naming of nodes.
  store_nodes = flatten([
    for shard in range(1, var.redis_shards + 1) : [
      for node in range(1, var.redis_nodes + 1) : local.sharded ? format("%04d-%03d", shard, node) : format("%03d", node)
    ]
  ])
}

resource "aws_cloudwatch_metric_alarm" "store_full" {
  for_each            = toset(local.store_nodes)
  alarm_name          = "${var.name}-store-full-${each.key}"
  alarm_description   = "The store is 80 % full. A full store rejects writes and the workers wait. Choose a larger redis_node_type or a smaller prediction_ttl_s."
  namespace           = "AWS/ElastiCache"
  metric_name         = "DatabaseMemoryUsagePercentage"
  dimensions          = { CacheClusterId = "${aws_elasticache_replication_group.this.replication_group_id}-${each.key}" }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 10
  comparison_operator = "GreaterThanThreshold"
  threshold           = 80
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = local.tags
}

resource "aws_cloudwatch_metric_alarm" "broker_disk" {
  count               = var.kafka_serverless ? 0 : var.broker_count
  alarm_name          = "${var.name}-broker-disk-${count.index + 1}"
  alarm_description   = "A broker's disk is 80 % full. A full broker accepts no jobs. Raise broker_volume_gib."
  namespace           = "AWS/Kafka"
  metric_name         = "KafkaDataLogsDiskUsed"
  dimensions          = { "Cluster Name" = local.cluster_name, "Broker ID" = tostring(count.index + 1) }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 80
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = local.tags
}

resource "aws_cloudwatch_log_metric_filter" "dead_letters" {
  name           = "${var.name}-dead-letters"
  log_group_name = aws_cloudwatch_log_group.worker.name
  pattern        = "{ $.message = \"dead letter\" }"

  metric_transformation {
    namespace = var.name
    name      = "DeadLetters"
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "${var.name}-dead-letters"
  alarm_description   = "More than ${var.dead_letters_alarm} jobs became dead letters in five minutes: see the reasons in the workers' log (docs/operate/operations.md); `worker replay` sends them again."
  namespace           = aws_cloudwatch_log_metric_filter.dead_letters.metric_transformation[0].namespace
  metric_name         = aws_cloudwatch_log_metric_filter.dead_letters.metric_transformation[0].name
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.dead_letters_alarm
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = local.tags
}

# If the circuit breaker rolls back a deployment, ECS publishes an event instead of a metric. The topics' policies must allow
# events.amazonaws.com to publish.
resource "aws_cloudwatch_event_rule" "deployment_failed" {
  name        = "${var.name}-deployment-failed"
  description = "A deployment of a service failed and was rolled back"
  event_pattern = jsonencode({
    source      = ["aws.ecs"]
    detail-type = ["ECS Deployment State Change"]
    resources   = values(local.ecs_services)[*].id
    detail      = { eventName = ["SERVICE_DEPLOYMENT_FAILED"] }
  })

  tags = local.tags
}

resource "aws_cloudwatch_event_target" "deployment_failed" {
  for_each = toset(var.alarm_topic_arns)
  rule     = aws_cloudwatch_event_rule.deployment_failed.name
  arn      = each.key
}

resource "aws_cloudwatch_metric_alarm" "store_busy" {
  for_each            = toset(local.store_nodes)
  alarm_name          = "${var.name}-store-busy-${each.key}"
  alarm_description   = "The store's single thread is busy 80 % of the time, so predictions wait for it. Choose a larger redis_node_type or a smaller max_capacity."
  namespace           = "AWS/ElastiCache"
  metric_name         = "EngineCPUUtilization"
  dimensions          = { CacheClusterId = "${aws_elasticache_replication_group.this.replication_group_id}-${each.key}" }
  statistic           = "Average"
  period              = 60
  evaluation_periods  = 10
  comparison_operator = "GreaterThanThreshold"
  threshold           = 80
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = local.tags
}

resource "aws_cloudwatch_metric_alarm" "offline_partitions" {
  count               = var.kafka_serverless ? 0 : 1
  alarm_name          = "${var.name}-offline-partitions"
  alarm_description   = "Partitions have no leader, so their jobs can be neither sent nor read. See the brokers' log; if a broker does not recover, contact AWS support."
  namespace           = "AWS/Kafka"
  metric_name         = "OfflinePartitionsCount"
  dimensions          = { "Cluster Name" = local.cluster_name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = local.tags
}

resource "aws_cloudwatch_metric_alarm" "under_replicated" {
  count               = var.kafka_serverless ? 0 : var.broker_count
  alarm_name          = "${var.name}-under-replicated-${count.index + 1}"
  alarm_description   = "Partitions led by a broker have had too few replicas in sync for half an hour, longer than maintenance takes. If one more broker fails, nothing can be sent."
  namespace           = "AWS/Kafka"
  metric_name         = "UnderReplicatedPartitions"
  dimensions          = { "Cluster Name" = local.cluster_name, "Broker ID" = tostring(count.index + 1) }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 6
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = local.tags
}

resource "aws_cloudwatch_metric_alarm" "broker_busy" {
  count               = var.kafka_serverless ? 0 : var.broker_count
  alarm_name          = "${var.name}-broker-busy-${count.index + 1}"
  alarm_description   = "A broker has been busy more than 60 % of the time for 15 minutes. AWS recommends less, so that the other brokers can take over. Choose a larger broker_type or more brokers."
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 60
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns

  metric_query {
    id          = "busy"
    expression  = "user + system"
    label       = "CPU of the broker, in percent"
    return_data = true
  }
  dynamic "metric_query" {
    for_each = { user = "CpuUser", system = "CpuSystem" }
    content {
      id = metric_query.key
      metric {
        namespace   = "AWS/Kafka"
        metric_name = metric_query.value
        dimensions  = { "Cluster Name" = local.cluster_name, "Broker ID" = tostring(count.index + 1) }
        stat        = "Average"
        period      = 300
      }
    }
  }

  tags = local.tags
}

# Addresses of 0.8.0, whose resources stay as they are.
moved {
  from = aws_cloudwatch_metric_alarm.backlog
  to   = aws_cloudwatch_metric_alarm.backlog["worker"]
}

moved {
  from = aws_cloudwatch_metric_alarm.too_few_workers
  to   = aws_cloudwatch_metric_alarm.too_few["worker"]
}

# What somebody should be told of: no lag data, an old backlog, too few workers, a store or a disk that fills.

resource "aws_cloudwatch_metric_alarm" "lag_missing" {
  alarm_name          = "${var.name}-lag-missing"
  alarm_description   = "MSK has published no lag of the group for ten minutes: the workers are no longer scaled by it. Its group rebalances without end, has never committed, or has another name."
  namespace           = local.lag_metric.namespace
  metric_name         = local.lag_metric.name
  dimensions          = local.lag_metric.dimensions
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 10
  comparison_operator = "LessThanThreshold"
  threshold           = 0 # only missing data counts
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
}

resource "aws_cloudwatch_metric_alarm" "backlog" {
  alarm_name          = "${var.name}-backlog"
  alarm_description   = "The tasks that run could not work off the backlog in ${var.backlog_alarm_s} s, for a quarter of an hour: raise max_capacity and partitions, or see why the jobs are slow."
  evaluation_periods  = 15
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.backlog_alarm_s
  treat_missing_data  = "notBreaching" # lag_missing tells of that
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns

  metric_query {
    id          = "backlog_seconds"
    expression  = local.backlog_seconds
    label       = "Backlog, in seconds of the tasks that run"
    return_data = true
  }
  dynamic "metric_query" {
    for_each = local.backlog_metrics
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
}

resource "aws_cloudwatch_metric_alarm" "too_few_workers" {
  alarm_name          = "${var.name}-too-few-workers"
  alarm_description   = "Fewer than ${var.min_capacity} workers have run for ten minutes: see the service's events and the stopped tasks' exit codes (docs/operations.md)."
  namespace           = local.running_metric.namespace
  metric_name         = local.running_metric.name
  dimensions          = local.running_metric.dimensions
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 10
  comparison_operator = "LessThanThreshold"
  threshold           = var.min_capacity
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
}

resource "aws_cloudwatch_metric_alarm" "store_full" {
  for_each            = toset(["001", "002"]) # ElastiCache's own numbers of the two nodes
  alarm_name          = "${var.name}-store-full-${each.key}"
  alarm_description   = "The store is 80 % full; a full one refuses and the workers wait. Take a larger redis_node_type or a smaller prediction_ttl_s."
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
}

resource "aws_cloudwatch_metric_alarm" "broker_disk" {
  count               = var.kafka_serverless ? 0 : var.broker_count
  alarm_name          = "${var.name}-broker-disk-${count.index + 1}"
  alarm_description   = "A broker's disk is 80 % full; a full broker takes no jobs. Raise broker_volume_gib."
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
}

# Scales the workers by backlog and CPU, never beyond the number of partitions.

locals {
  # Published by MSK every minute: the records that the group has not committed. It needs no agent and works even if every
  # worker is dead. A worker's own mmdigit_lag_records covers only its partitions and ends with the worker.
  lag_metric = {
    namespace = "AWS/Kafka"
    name      = "SumOffsetLag"
    dimensions = {
      "Cluster Name"   = local.cluster_name
      "Consumer Group" = var.consumer_group
      "Topic"          = var.topic
    }
  }
  running_metric = {
    namespace  = "ECS/ContainerInsights"
    name       = "RunningTaskCount"
    dimensions = { ClusterName = aws_ecs_cluster.this.name, ServiceName = aws_ecs_service.worker.name }
  }
  backlog_metrics = { lag = local.lag_metric, running = local.running_metric }
  # Without lag data or a running task there is no value, and nothing scales: alarms.tf covers both.
  backlog_seconds = "lag / (running * ${var.jobs_per_second_per_task})"
}

resource "aws_appautoscaling_target" "worker" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.worker.name}"
  min_capacity       = var.min_capacity
  max_capacity       = var.max_capacity
  tags               = local.tags
}

# The larger of the two wins; scaling in requires both to agree.

resource "aws_appautoscaling_policy" "backlog" {
  name               = "${var.name}-backlog-seconds"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.worker.service_namespace
  scalable_dimension = aws_appautoscaling_target.worker.scalable_dimension
  resource_id        = aws_appautoscaling_target.worker.resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.backlog_target_s
    scale_in_cooldown  = var.scale_in_cooldown_s
    scale_out_cooldown = var.scale_out_cooldown_s

    customized_metric_specification {
      dynamic "metrics" {
        for_each = local.backlog_metrics
        content {
          id          = metrics.key
          return_data = false
          metric_stat {
            stat = "Average"
            metric {
              namespace   = metrics.value.namespace
              metric_name = metrics.value.name
              dynamic "dimensions" {
                for_each = metrics.value.dimensions
                content {
                  name  = dimensions.key
                  value = dimensions.value
                }
              }
            }
          }
        }
      }
      metrics {
        id          = "backlog_seconds"
        label       = "Backlog, in seconds of the tasks that run"
        expression  = local.backlog_seconds
        return_data = true
      }
    }
  }
}

resource "aws_appautoscaling_policy" "cpu" {
  name               = "${var.name}-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.worker.service_namespace
  scalable_dimension = aws_appautoscaling_target.worker.scalable_dimension
  resource_id        = aws_appautoscaling_target.worker.resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.cpu_target_percent
    scale_in_cooldown  = var.scale_in_cooldown_s
    scale_out_cooldown = var.scale_out_cooldown_s

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

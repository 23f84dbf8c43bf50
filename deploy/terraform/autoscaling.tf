# Scales the services: workers by the backlog of their topic, never beyond its partitions; workers and gateways by CPU.

locals {
  # cpu_percent: the average above which more tasks start. backlog: of the topic that the tasks read. null: not scaled by it.
  services = merge(
    {
      worker = {
        min         = var.min_capacity
        max         = var.max_capacity
        cpu_percent = var.cpu_target_percent
        backlog = {
          topic      = var.topic
          group      = var.consumer_group
          per_second = var.jobs_per_second_per_task
          prefix     = ""
          of         = "Backlog"
          alarm_s    = var.backlog_alarm_s
          advice     = "raise max_capacity and partitions, or find out why jobs are slow"
        }
      }
    },
    local.reads_forms ? {
      page-worker = {
        min         = var.forms.min_capacity
        max         = var.forms.max_capacity
        cpu_percent = null
        backlog = {
          topic      = var.pages_topic
          group      = "${var.consumer_group}-pages"
          per_second = var.forms.pages_per_second_per_task
          prefix     = "pages-"
          of         = "Backlog of pages"
          alarm_s    = 3600
          advice     = "raise forms.max_capacity and partitions, or find out why pages are slow"
        }
      }
    } : {},
    local.reads_forms ? { collector = { min = 1, max = 1, cpu_percent = null, backlog = null } } : {},
    local.serves_api ? {
      gateway = {
        min         = var.gateway.min_capacity
        max         = var.gateway.max_capacity
        cpu_percent = var.gateway.cpu_target_percent
        backlog     = null
      }
    } : {},
  )
  consumers     = { for name, service in local.services : name => service.backlog if service.backlog != null }
  scaled_by_cpu = { for name, service in local.services : name => service.cpu_percent if service.cpu_percent != null }
  scaled        = { for name, service in local.services : name => service if service.backlog != null || service.cpu_percent != null }

  # lag is published by MSK every minute: the records that the group has not committed. It needs no agent and works even if
  # every worker is dead. A worker's own mmdigit_lag_records covers only its partitions and ends with the worker.
  backlog_metrics = { for name, backlog in local.consumers : name => {
    lag = {
      namespace = "AWS/Kafka"
      name      = "SumOffsetLag"
      dimensions = {
        "Cluster Name"   = local.cluster_name
        "Consumer Group" = backlog.group
        "Topic"          = backlog.topic
      }
    }
    running = {
      namespace  = "ECS/ContainerInsights"
      name       = "RunningTaskCount"
      dimensions = { ClusterName = aws_ecs_cluster.this.name, ServiceName = "${var.name}-${name}" }
    }
  } }
  # Without lag data or a running task there is no value, and nothing scales: alarms.tf covers both.
  backlog_seconds = { for name, backlog in local.consumers : name => "lag / (running * ${backlog.per_second})" }
}

resource "aws_appautoscaling_target" "service" {
  for_each           = local.scaled
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${local.ecs_services[each.key].name}"
  min_capacity       = each.value.min
  max_capacity       = each.value.max
  tags               = local.tags
}

# Of two policies the larger number of tasks wins; scaling in requires both to agree.

resource "aws_appautoscaling_policy" "backlog" {
  for_each           = local.consumers
  name               = "${var.name}-${each.value.prefix}backlog-seconds"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.service[each.key].service_namespace
  scalable_dimension = aws_appautoscaling_target.service[each.key].scalable_dimension
  resource_id        = aws_appautoscaling_target.service[each.key].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.backlog_target_s
    scale_in_cooldown  = var.scale_in_cooldown_s
    scale_out_cooldown = var.scale_out_cooldown_s

    customized_metric_specification {
      dynamic "metrics" {
        for_each = local.backlog_metrics[each.key]
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
        label       = "${each.value.of}, in seconds of the tasks that run"
        expression  = local.backlog_seconds[each.key]
        return_data = true
      }
    }
  }
}

resource "aws_appautoscaling_policy" "cpu" {
  for_each           = local.scaled_by_cpu
  name               = each.key == "worker" ? "${var.name}-cpu" : "${var.name}-${each.key}-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.service[each.key].service_namespace
  scalable_dimension = aws_appautoscaling_target.service[each.key].scalable_dimension
  resource_id        = aws_appautoscaling_target.service[each.key].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = each.value
    scale_in_cooldown  = var.scale_in_cooldown_s
    scale_out_cooldown = var.scale_out_cooldown_s

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

# Addresses of 0.8.0, whose resources stay as they are.
moved {
  from = aws_appautoscaling_target.worker
  to   = aws_appautoscaling_target.service["worker"]
}

moved {
  from = aws_appautoscaling_policy.backlog
  to   = aws_appautoscaling_policy.backlog["worker"]
}

moved {
  from = aws_appautoscaling_policy.cpu
  to   = aws_appautoscaling_policy.cpu["worker"]
}

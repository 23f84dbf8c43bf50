# What reads forms, if var.forms is set: page workers, scaled by their backlog like the digit workers, and a collector.

locals {
  reads_forms       = var.forms != null
  page_worker_name  = "${var.name}-page-worker"
  pages_topic_arn   = "${replace(local.cluster_arn, ":cluster/", ":topic/")}/${var.pages_topic}"
  pages_letters_arn = "${local.pages_topic_arn}.dead"
  pages_group_arn   = "${replace(local.cluster_arn, ":cluster/", ":group/")}/${var.consumer_group}-pages"

  forms_environment = local.reads_forms ? {
    MMDIGIT_FORMS    = var.forms.database_url
    MMDIGIT_TEMPLATE = "/form.yaml" # in the image (README.md)
  } : {}
  page_worker_environment = merge(local.forms_environment, {
    MMDIGIT_KAFKA_SECURITY   = "msk-iam"
    MMDIGIT_KAFKA_AWS_REGION = var.region
    MMDIGIT_FROM             = "kafka://${local.bootstrap}/${var.pages_topic}"
    MMDIGIT_JOBS             = local.worker_environment.MMDIGIT_FROM
    MMDIGIT_CONSUMER_GROUP   = "${var.consumer_group}-pages"
    MMDIGIT_TOPIC_WAIT_S     = "3600" # until the task that creates the topics has run
    MMDIGIT_STOP_TIMEOUT_S   = "110"  # exits by itself before ECS kills it (stopTimeout)
  })
  collector_environment = merge(local.forms_environment, local.read ? {
    MMDIGIT_STORE          = local.store_url
    MMDIGIT_REDIS_USERNAME = aws_elasticache_user.reader[0].user_name
  } : {})
  forms_secrets = local.reads_forms ? { MMDIGIT_FORMS_PASSWORD = var.forms.database_password_secret_arn } : {}

  forms_services = local.reads_forms ? {
    page-worker = {
      entry_point = ["python", "-m", "mmdigit.forms", "worker"]
      environment = local.page_worker_environment
      secrets     = local.forms_secrets
    }
    collector = {
      entry_point = ["python", "-m", "mmdigit", "form", "collect", "--follow"]
      environment = local.collector_environment
      secrets     = merge(local.forms_secrets, { MMDIGIT_REDIS_PASSWORD = var.redis_reader_password_secret_arn })
    }
  } : {}

  # Each page as many jobs as it has digits; the digit workers' own scaling follows their topic.
  pages_backlog_metrics = local.reads_forms ? {
    lag = merge(local.lag_metric, {
      dimensions = merge(local.lag_metric.dimensions, { "Consumer Group" = "${var.consumer_group}-pages", "Topic" = var.pages_topic })
    })
    running = merge(local.running_metric, {
      dimensions = { ClusterName = aws_ecs_cluster.this.name, ServiceName = local.page_worker_name }
    })
  } : {}
  pages_backlog_seconds = local.reads_forms ? "lag / (running * ${var.forms.pages_per_second_per_task})" : ""
}

resource "aws_iam_role" "page_worker" {
  count                = local.reads_forms ? 1 : 0
  name                 = local.page_worker_name
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy   = local.ecs_tasks_trust
  tags                 = local.tags
}

resource "aws_iam_role_policy" "page_worker" {
  count = local.reads_forms ? 1 : 0
  name  = "work"
  role  = aws_iam_role.page_worker[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = local.connect_write, Resource = local.cluster_arn },
      { Effect = "Allow", Action = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"], Resource = local.pages_topic_arn },
      { Effect = "Allow", Action = ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"], Resource = local.pages_group_arn },
      { Effect = "Allow", Action = local.write_jobs, Resource = local.topic_arn },
      { Effect = "Allow", Action = local.write_jobs, Resource = local.pages_letters_arn },
    ]
  })
}

# The collector calls nothing of AWS: it reads the store and writes the database, each with a password.
resource "aws_iam_role" "collector" {
  count                = local.reads_forms ? 1 : 0
  name                 = "${var.name}-collector"
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy   = local.ecs_tasks_trust
  tags                 = local.tags
}

resource "aws_ecs_task_definition" "forms" {
  for_each                 = local.forms_services
  family                   = "${var.name}-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.task_cpu
  memory                   = var.task_memory_mib
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = each.key == "collector" ? aws_iam_role.collector[0].arn : aws_iam_role.page_worker[0].arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }

  container_definitions = jsonencode([merge(local.hardened, {
    name                   = each.key
    image                  = "${aws_ecr_repository.worker.repository_url}:${var.forms.image_tag}"
    readonlyRootFilesystem = true
    entryPoint             = each.value.entry_point
    environment            = [for name, value in each.value.environment : { name = name, value = value }]
    secrets                = [for name, arn in each.value.secrets : { name = name, valueFrom = arn }]
    stopTimeout            = 120
    healthCheck            = jsondecode(aws_ecs_task_definition.worker.container_definitions)[0].healthCheck
    logConfiguration       = { logDriver = "awslogs", options = merge(local.log_options, { "awslogs-stream-prefix" = each.key }) }
  })])
  tags = local.tags
}

resource "aws_ecs_service" "forms" {
  for_each         = local.forms_services
  name             = "${var.name}-${each.key}"
  cluster          = aws_ecs_cluster.this.arn
  task_definition  = aws_ecs_task_definition.forms[each.key].arn
  platform_version = "LATEST"
  launch_type      = "FARGATE"
  desired_count    = each.key == "collector" ? 1 : var.forms.min_capacity
  propagate_tags   = "SERVICE"
  # As for the digit workers: never more page workers than partitions.
  deployment_maximum_percent         = 100
  deployment_minimum_healthy_percent = 0
  availability_zone_rebalancing      = "DISABLED"

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = local.subnet_ids
    security_groups  = [aws_security_group.worker.id]
    assign_public_ip = false
  }

  dynamic "service_registries" {
    for_each = local.watched ? [each.key] : []
    content {
      registry_arn = aws_service_discovery_service.forms[service_registries.value].arn
    }
  }

  lifecycle {
    ignore_changes = [desired_count] # of page workers managed by autoscaling
  }

  depends_on = [
    aws_iam_role_policy.execution,
    aws_iam_role_policy.page_worker,
    aws_vpc_security_group_egress_rule.connection,
    aws_vpc_security_group_egress_rule.https,
    aws_vpc_security_group_ingress_rule.connection,
  ]
  tags = local.tags
}

resource "aws_service_discovery_service" "forms" {
  for_each      = local.watched ? toset(keys(local.forms_services)) : []
  name          = each.key
  force_destroy = true

  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.this[0].id
    routing_policy = "MULTIVALUE"

    dns_records {
      type = "A"
      ttl  = 10
    }
  }

  tags = local.tags
}

resource "aws_appautoscaling_target" "page_worker" {
  count              = local.reads_forms ? 1 : 0
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.forms["page-worker"].name}"
  min_capacity       = var.forms.min_capacity
  max_capacity       = var.forms.max_capacity
  tags               = local.tags
}

resource "aws_appautoscaling_policy" "pages_backlog" {
  count              = local.reads_forms ? 1 : 0
  name               = "${var.name}-pages-backlog-seconds"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.page_worker[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.page_worker[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.page_worker[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.backlog_target_s
    scale_in_cooldown  = var.scale_in_cooldown_s
    scale_out_cooldown = var.scale_out_cooldown_s

    customized_metric_specification {
      dynamic "metrics" {
        for_each = local.pages_backlog_metrics
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
        label       = "Backlog of pages, in seconds of the tasks that run"
        expression  = local.pages_backlog_seconds
        return_data = true
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "pages_backlog" {
  count               = local.reads_forms ? 1 : 0
  alarm_name          = "${var.name}-pages-backlog"
  alarm_description   = "For 15 minutes, the backlog of pages has been more than the running page workers can read in an hour: raise forms.max_capacity and partitions, or find out why pages are slow (docs/operate/operations.md)."
  evaluation_periods  = 15
  comparison_operator = "GreaterThanThreshold"
  threshold           = 3600
  treat_missing_data  = "notBreaching" # before the first page
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns

  metric_query {
    id          = "backlog_seconds"
    expression  = local.pages_backlog_seconds
    label       = "Backlog of pages, in seconds of the tasks that run"
    return_data = true
  }
  dynamic "metric_query" {
    for_each = local.pages_backlog_metrics
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

resource "aws_cloudwatch_metric_alarm" "too_few_forms_tasks" {
  for_each            = local.forms_services
  alarm_name          = "${var.name}-too-few-${each.key}s"
  alarm_description   = "Fewer tasks of ${each.key} than wanted have been running for ten minutes: see the service's events and the exit codes of stopped tasks (docs/operate/operations.md)."
  namespace           = local.running_metric.namespace
  metric_name         = local.running_metric.name
  dimensions          = { ClusterName = aws_ecs_cluster.this.name, ServiceName = "${var.name}-${each.key}" }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 10
  comparison_operator = "LessThanThreshold"
  threshold           = each.key == "collector" ? 1 : var.forms.min_capacity
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = local.tags
}

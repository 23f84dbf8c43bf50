# What reads forms, if var.forms is set: page workers, scaled by their backlog like the digit workers, and a collector.

locals {
  reads_forms       = var.forms != null
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
}

resource "aws_iam_role" "page_worker" {
  count                = local.reads_forms ? 1 : 0
  name                 = "${var.name}-page-worker"
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
  desired_count    = local.services[each.key].min
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
      registry_arn = aws_service_discovery_service.service[service_registries.value].arn
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

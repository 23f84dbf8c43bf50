# The workers on Fargate, and the task that creates the topics.

locals {
  worker_name = "${var.name}-worker"
  image       = "${aws_ecr_repository.worker.repository_url}:${var.image_tag}"
  log_options = {
    "awslogs-group"  = aws_cloudwatch_log_group.worker.name
    "awslogs-region" = var.region
    # A blocked log must not stop the workers; lines that do not fit the buffer are lost.
    "mode"            = "non-blocking"
    "max-buffer-size" = "4m"
  }

  # The worker's access to Kafka and Redis; the password comes from a secret.
  access_environment = {
    MMDIGIT_KAFKA_SECURITY   = "msk-iam"
    MMDIGIT_KAFKA_AWS_REGION = var.region
    MMDIGIT_REDIS_USERNAME   = aws_elasticache_user.worker.user_name
  }
  access_secrets = {
    MMDIGIT_REDIS_PASSWORD = var.redis_password_secret_arn
  }

  worker_environment = merge(local.access_environment, {
    MMDIGIT_FROM           = "kafka://${local.bootstrap}/${var.topic}"
    MMDIGIT_STORE          = local.store_url
    MMDIGIT_CONSUMER_GROUP = var.consumer_group
    MMDIGIT_PROCESSES      = tostring(max(1, floor(var.task_cpu / 1024)))
    MMDIGIT_TTL_S          = tostring(var.prediction_ttl_s)
    MMDIGIT_STORE_REPLICAS = tostring(var.store_replicas)
    MMDIGIT_TOPIC_WAIT_S   = "3600" # until the task that creates the topics has run
    MMDIGIT_STOP_TIMEOUT_S = "110"  # exits by itself before ECS kills it (stopTimeout)
    # Callers of the API may send what is no digit, as often as they like: that must not stop the workers of all others.
    }, var.gateway == null ? tomap({}) : tomap({
      MMDIGIT_BREAKER_IN_A_ROW = "0"
      MMDIGIT_BREAKER_SHARE    = "1"
  }))

  ecs_services = merge(
    { worker = aws_ecs_service.worker },
    aws_ecs_service.forms,
    { for service in aws_ecs_service.gateway : "gateway" => service },
  )

  # For every container: a read-only root (unless a shell is wanted), an unprivileged user, no capabilities.
  hardened = {
    image                  = local.image
    essential              = true
    readonlyRootFilesystem = !var.exec # the agent of ECS Exec writes to the container
    privileged             = false
    user                   = "10001:10001"
    linuxParameters        = { initProcessEnabled = true, capabilities = { drop = ["ALL"] } }
  }
}

resource "aws_ecs_cluster" "this" {
  name = var.name

  setting {
    name  = "containerInsights" # publishes RunningTaskCount, which scaling divides by
    value = "enabled"
  }

  tags = local.tags
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]
}

resource "aws_cloudwatch_log_group" "worker" {
  #checkov:skip=CKV_AWS_158:Encrypted with a key of CloudWatch's own unless kms_key_arn names one; it contains no job or prediction
  #checkov:skip=CKV_AWS_338:A year is more than an incident needs; log_retention_days takes it
  name              = "/${var.name}/worker"
  kms_key_id        = var.kms_key_arn
  retention_in_days = var.log_retention_days
  tags              = local.tags
}

resource "aws_ecs_task_definition" "worker" {
  family                   = local.worker_name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.task_cpu
  memory                   = var.task_memory_mib
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.worker.arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }

  container_definitions = jsonencode([merge(local.hardened, {
    name        = "worker"
    environment = [for name, value in local.worker_environment : { name = name, value = value }]
    secrets     = [for name, arn in local.access_secrets : { name = name, valueFrom = arn }]
    stopTimeout = 120 # Fargate's maximum
    healthCheck = {   # ECS ignores the image's health check
      command = [
        "CMD", "python", "-c",
        "import os, urllib.request as r; r.urlopen('http://127.0.0.1:%s/healthz' % os.environ['MMDIGIT_METRICS_PORT'], timeout=4)",
      ]
      interval    = 10
      timeout     = 5
      startPeriod = 30
      retries     = 3
    }
    logConfiguration = { logDriver = "awslogs", options = merge(local.log_options, { "awslogs-stream-prefix" = "worker" }) }
  })])
  tags = local.tags
}

resource "aws_ecs_service" "worker" {
  name             = local.worker_name
  cluster          = aws_ecs_cluster.this.arn
  task_definition  = aws_ecs_task_definition.worker.arn
  platform_version = "LATEST"
  desired_count    = var.min_capacity

  force_new_deployment   = true # else changing spot_percent recreates the service
  enable_execute_command = var.exec

  propagate_tags = "SERVICE"
  # Old workers stop before new ones start, half of them at a time, so there are never more workers than partitions. With
  # a single worker, jobs wait meanwhile.
  deployment_maximum_percent         = 100
  deployment_minimum_healthy_percent = var.min_capacity > 1 ? 50 : 0
  availability_zone_rebalancing      = "DISABLED" # it would start more than the desired number

  capacity_provider_strategy {
    capacity_provider = "FARGATE"
    base              = 1 # one worker stays if all Spot tasks stop
    weight            = 100 - var.spot_percent
  }

  dynamic "capacity_provider_strategy" {
    for_each = var.spot_percent > 0 ? [var.spot_percent] : []
    content {
      capacity_provider = "FARGATE_SPOT"
      weight            = capacity_provider_strategy.value
    }
  }

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
    for_each = local.watched ? ["worker"] : []
    content {
      registry_arn = aws_service_discovery_service.service[service_registries.value].arn
    }
  }

  lifecycle {
    ignore_changes = [desired_count] # managed by autoscaling
  }

  depends_on = [
    aws_ecs_cluster_capacity_providers.this,
    aws_iam_role_policy.execution,
    aws_iam_role_policy.worker,
    aws_vpc_security_group_egress_rule.connection,
    aws_vpc_security_group_egress_rule.https,
    aws_vpc_security_group_ingress_rule.connection,
  ]
  tags = local.tags
}

# Run once after the first apply, and again after changing partitions (outputs.tf has the command).
resource "aws_ecs_task_definition" "topics" {
  family                   = "${var.name}-topics"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.topics.arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }

  container_definitions = jsonencode([merge(local.hardened, {
    name             = "topics"
    entryPoint       = ["python", "-c", file("${path.module}/create_topics.py")]
    command          = [local.bootstrap, jsonencode(local.topics)]
    environment      = [{ name = "AWS_DEFAULT_REGION", value = var.region }]
    logConfiguration = { logDriver = "awslogs", options = merge(local.log_options, { "awslogs-stream-prefix" = "topics" }) }
  })])
  tags = local.tags
}

# What serves the HTTP API, if var.gateway is set: gateways behind a load balancer that ends TLS. Private unless it gets public
# subnets. A gateway keeps nothing: its database is yours, and any number of them may run.

locals {
  serves_api   = var.gateway != null
  gateway_port = 8000

  takes_forms = local.serves_api && local.reads_forms

  # What is null is left out.
  gateway_environment = local.serves_api ? { for name, value in {
    MMDIGIT_KAFKA_SECURITY    = "msk-iam"
    MMDIGIT_KAFKA_AWS_REGION  = var.region
    MMDIGIT_JOBS              = local.worker_environment.MMDIGIT_FROM
    MMDIGIT_STORE             = local.store_url
    MMDIGIT_REDIS_USERNAME    = one(aws_elasticache_user.reader[*].user_name)
    MMDIGIT_DATABASE          = var.gateway.database_url
    MMDIGIT_HOST              = "0.0.0.0" # the load balancer's security group alone reaches it
    MMDIGIT_PORT              = tostring(local.gateway_port)
    MMDIGIT_LOGIN             = "token"
    MMDIGIT_ALLOWED_HOSTS     = var.gateway.host_name
    MMDIGIT_OIDC_ISSUER       = try(var.gateway.oidc.issuer, null)
    MMDIGIT_OIDC_AUDIENCE     = try(var.gateway.oidc.audience, null)
    MMDIGIT_OIDC_TENANT_CLAIM = try(var.gateway.oidc.tenant_claim, null)
    MMDIGIT_WEBHOOK_HOSTS     = try(join(",", var.gateway.webhooks.hosts), null)
    MMDIGIT_PAGES             = local.takes_forms ? local.page_worker_environment.MMDIGIT_FROM : null
    MMDIGIT_FORMS             = lookup(local.forms_environment, "MMDIGIT_FORMS", null)
    MMDIGIT_TEMPLATE          = lookup(local.forms_environment, "MMDIGIT_TEMPLATE", null)
  } : name => value if value != null } : {}
  gateway_secrets = local.serves_api ? { for name, arn in {
    MMDIGIT_REDIS_PASSWORD    = var.redis_reader_password_secret_arn
    MMDIGIT_DATABASE_PASSWORD = var.gateway.database_password_secret_arn
    MMDIGIT_FORMS_PASSWORD    = lookup(local.forms_secrets, "MMDIGIT_FORMS_PASSWORD", null)
    MMDIGIT_WEBHOOK_SECRET    = try(var.gateway.webhooks.secret_arn, null)
  } : name => arn if arn != null } : {}
}

resource "aws_iam_role" "gateway" {
  count                = local.serves_api ? 1 : 0
  name                 = "${var.name}-gateway"
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy   = local.ecs_tasks_trust
  tags                 = local.tags
}

resource "aws_iam_role_policy" "gateway" {
  count = local.serves_api ? 1 : 0
  name  = "send-jobs"
  role  = aws_iam_role.gateway[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(jsondecode(local.send_jobs).Statement, local.takes_forms ? [
      { Effect = "Allow", Action = local.write_jobs, Resource = local.pages_topic_arn },
    ] : [])
  })
}

resource "aws_ecs_task_definition" "gateway" {
  count                    = local.serves_api ? 1 : 0
  family                   = "${var.name}-gateway"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.task_cpu
  memory                   = var.task_memory_mib
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.gateway[0].arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }

  # Archives and scans on their way. The image says by VOLUME that the volume has the mode of its own /tmp (README.md).
  volume {
    name = "tmp"
  }

  container_definitions = jsonencode([merge(local.hardened, {
    name                   = "gateway"
    image                  = "${aws_ecr_repository.worker.repository_url}:${var.gateway.image_tag}"
    readonlyRootFilesystem = true
    entryPoint             = ["python", "-m", "mmdigit.gateway"]
    environment            = [for name, value in local.gateway_environment : { name = name, value = value }]
    secrets                = [for name, arn in local.gateway_secrets : { name = name, valueFrom = arn }]
    mountPoints            = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
    portMappings           = [{ containerPort = local.gateway_port, protocol = "tcp" }]
    stopTimeout            = 60 # more than the gateway gives open requests
    healthCheck            = jsondecode(aws_ecs_task_definition.worker.container_definitions)[0].healthCheck
    logConfiguration       = { logDriver = "awslogs", options = merge(local.log_options, { "awslogs-stream-prefix" = "gateway" }) }
  })])
  tags = local.tags
}

resource "aws_ecs_service" "gateway" {
  count            = local.serves_api ? 1 : 0
  name             = "${var.name}-gateway"
  cluster          = aws_ecs_cluster.this.arn
  task_definition  = aws_ecs_task_definition.gateway[0].arn
  platform_version = "LATEST"
  launch_type      = "FARGATE"
  desired_count    = var.gateway.min_capacity
  propagate_tags   = "SERVICE"
  # Unlike workers, which share partitions: new gateways start before old ones stop.
  deployment_maximum_percent         = 200
  deployment_minimum_healthy_percent = 100
  health_check_grace_period_seconds  = 120

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = local.subnet_ids
    security_groups  = [aws_security_group.gateway[0].id]
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.gateway[0].arn
    container_name   = "gateway"
    container_port   = local.gateway_port
  }

  dynamic "service_registries" {
    for_each = local.watched ? ["gateway"] : []
    content {
      registry_arn = aws_service_discovery_service.service[service_registries.value].arn
    }
  }

  lifecycle {
    ignore_changes = [desired_count] # managed by autoscaling
  }

  depends_on = [
    aws_iam_role_policy.execution,
    aws_iam_role_policy.gateway,
    aws_lb_listener.gateway,
    aws_vpc_security_group_egress_rule.connection,
    aws_vpc_security_group_egress_rule.https,
    aws_vpc_security_group_ingress_rule.connection,
  ]
  tags = local.tags
}

resource "aws_lb" "gateway" {
  #checkov:skip=CKV_AWS_91:The gateways log who did what themselves; the balancer's log would need a bucket and say less
  #checkov:skip=CKV_AWS_150:It keeps nothing; whoever destroys the stack means it
  #checkov:skip=CKV2_AWS_28:Private by default; web_acl_arn puts AWS WAF before a public one
  #checkov:skip=CKV2_AWS_20:No port but 443 is open, so that no token travels in the clear, not even once
  #checkov:skip=CKV2_AWS_76:Nothing behind it runs Java; the rules of the web ACL are its owner's
  count                      = local.serves_api ? 1 : 0
  name                       = "${var.name}-api"
  load_balancer_type         = "application"
  internal                   = length(var.gateway.public_subnet_ids) == 0
  subnets                    = length(var.gateway.public_subnet_ids) == 0 ? local.subnet_ids : var.gateway.public_subnet_ids
  security_groups            = [aws_security_group.balancer[0].id]
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "strictest"
  # Event streams send a comment every 15 s, and a `wait` lasts 30 s at most. The gateways keep idle connections for longer.
  idle_timeout = 60
  tags         = local.tags
}

resource "aws_lb_target_group" "gateway" {
  #checkov:skip=CKV_AWS_378:TLS ends at the balancer, whose security group alone reaches the gateways
  count       = local.serves_api ? 1 : 0
  name        = "${var.name}-api"
  vpc_id      = local.vpc_id
  target_type = "ip"
  protocol    = "HTTP"
  port        = local.gateway_port
  # A gateway with many event streams gets no more of them than the others.
  load_balancing_algorithm_type = "least_outstanding_requests"
  # A `wait` ends within 30 s. An event stream does not: when the gateway stops, its client resumes it elsewhere.
  deregistration_delay = 40

  # ECS replaces a task that fails five minutes long. That is longer than brokers or store take to fail over: until then
  # callers get 503 with the reason, and what needs no broker is answered.
  health_check {
    path                = "/readyz"
    protocol            = "HTTP"
    matcher             = "200"
    interval            = 30
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 10
  }

  tags = local.tags
}

resource "aws_lb_listener" "gateway" {
  count             = local.serves_api ? 1 : 0
  load_balancer_arn = aws_lb.gateway[0].arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06" # TLS 1.2 and 1.3
  certificate_arn   = var.gateway.certificate_arn
  # The gateways cannot know that callers speak TLS.
  routing_http_response_strict_transport_security_header_value = "max-age=31536000"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.gateway[0].arn
  }

  tags = local.tags
}

resource "aws_wafv2_web_acl_association" "gateway" {
  count        = try(var.gateway.web_acl_arn, null) == null ? 0 : 1
  resource_arn = aws_lb.gateway[0].arn
  web_acl_arn  = var.gateway.web_acl_arn
}

resource "aws_security_group" "gateway" {
  count       = local.serves_api ? 1 : 0
  name        = "${var.name}-gateway"
  description = "Gateways: ingress from the load balancer; egress to Kafka, Redis, the database and AWS"
  vpc_id      = local.vpc_id
  tags        = local.tags
}

resource "aws_security_group" "balancer" {
  count       = local.serves_api ? 1 : 0
  name        = "${var.name}-api"
  description = "Load balancer of the API"
  vpc_id      = local.vpc_id
  tags        = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each          = toset(local.serves_api ? var.gateway.client_cidrs : [])
  description       = "clients-balancer"
  security_group_id = aws_security_group.balancer[0].id
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = local.tags
}

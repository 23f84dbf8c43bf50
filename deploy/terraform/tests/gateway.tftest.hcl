# Properties of the HTTP API: private by default, or public in a network of one's own.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  region                    = "eu-central-1"
  image_tag                 = "0.8.0"
  redis_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:mmdigit-redis-AbCdEf"
  alarm_topic_arns          = ["arn:aws:sns:eu-central-1:123456789012:on-call"]

  redis_reader_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:reader-AbCdEf"
}

run "private_api" {
  command = plan
  variables {
    permissions_boundary_arn     = "arn:aws:iam::123456789012:policy/boundary"
    prometheus_security_group_id = "sg-prometheus"
    exec                         = true

    gateway = {
      image_tag                    = "0.8.0-api"
      host_name                    = "digits.example.com"
      certificate_arn              = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
      client_cidrs                 = ["10.40.0.0/16", "192.168.7.0/24"]
      database_url                 = "postgresql://gateway@db.example.com/gateway?sslmode=verify-full&sslrootcert=/rds.pem"
      database_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:gateway-AbCdEf"
      database_security_group_id   = "sg-database"
    }
  }

  # What its callers cannot stop

  assert {
    condition     = local.worker_environment["MMDIGIT_BREAKER_IN_A_ROW"] == "0" && local.worker_environment["MMDIGIT_BREAKER_SHARE"] == "1"
    error_message = "No number of bad jobs stops the workers, which other callers use, too."
  }

  # Who reaches it

  assert {
    condition     = aws_lb.gateway[0].internal && aws_lb.gateway[0].subnets == toset(aws_subnet.private[*].id) && aws_lb.gateway[0].drop_invalid_header_fields && output.gateway_dns_name == aws_lb.gateway[0].dns_name
    error_message = "The load balancer has private addresses, and outputs contain its name."
  }
  assert {
    condition     = aws_lb_listener.gateway[0].port == 443 && aws_lb_listener.gateway[0].protocol == "HTTPS" && startswith(aws_lb_listener.gateway[0].ssl_policy, "ELBSecurityPolicy-TLS13-1-2") && aws_lb_listener.gateway[0].certificate_arn == var.gateway.certificate_arn && startswith(aws_lb_listener.gateway[0].routing_http_response_strict_transport_security_header_value, "max-age=")
    error_message = "The only listener speaks TLS 1.2 or newer with the given certificate, and tells browsers to do so."
  }
  assert {
    condition     = { for cidr, rule in aws_vpc_security_group_ingress_rule.clients : cidr => rule.from_port } == { "10.40.0.0/16" = 443, "192.168.7.0/24" = 443 }
    error_message = "Only the given networks open connections, on one port."
  }
  assert {
    condition = toset([for name, rule in aws_vpc_security_group_ingress_rule.connection : "${name}:${rule.from_port}" if strcontains(name, "gateway") || strcontains(name, "balancer")]) == toset([
      "gateway-kafka:9098", "gateway-redis:6379", "gateway-database:5432", "gateway-endpoints:443", "balancer-gateway:8000",
    ])
    error_message = "The load balancer reaches the gateways; they reach Kafka, Redis, the database and AWS."
  }
  assert {
    condition     = aws_vpc_security_group_egress_rule.connection["gateway-database"].referenced_security_group_id == "sg-database" && aws_vpc_security_group_egress_rule.https["gateway"].cidr_ipv4 == null
    error_message = "They reach the given database, and outside the VPC only S3."
  }
  assert {
    condition     = aws_ecs_service.gateway[0].network_configuration[0].security_groups == toset([aws_security_group.gateway[0].id]) && !aws_ecs_service.gateway[0].network_configuration[0].assign_public_ip
    error_message = "Gateways have a security group of their own, and no public address."
  }
  assert {
    condition     = length(aws_wafv2_web_acl_association.gateway) == 0
    error_message = "No web ACL unless one is given."
  }

  # Tasks

  assert {
    condition     = jsondecode(aws_ecs_task_definition.gateway[0].container_definitions)[0].user == "10001:10001" && jsondecode(aws_ecs_task_definition.gateway[0].container_definitions)[0].readonlyRootFilesystem && jsondecode(aws_ecs_task_definition.gateway[0].container_definitions)[0].linuxParameters.capabilities.drop == ["ALL"] && endswith(jsondecode(aws_ecs_task_definition.gateway[0].container_definitions)[0].image, ":0.8.0-api")
    error_message = "Their container is hardened, and uses its own image."
  }
  assert {
    condition     = { for secret in jsondecode(aws_ecs_task_definition.gateway[0].container_definitions)[0].secrets : secret.name => secret.valueFrom } == { MMDIGIT_DATABASE_PASSWORD = var.gateway.database_password_secret_arn, MMDIGIT_REDIS_PASSWORD = var.redis_reader_password_secret_arn } && contains(jsondecode(aws_iam_role_policy.execution.policy).Statement[3].Resource, var.gateway.database_password_secret_arn)
    error_message = "Passwords are passed by reference, and tasks may be started with them."
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.gateway[0].policy) == jsondecode(local.send_jobs) && aws_iam_role.gateway[0].permissions_boundary == var.permissions_boundary_arn
    error_message = "Their role may only send jobs, within the boundary."
  }

  assert {
    condition     = [for mount in jsondecode(aws_ecs_task_definition.gateway[0].container_definitions)[0].mountPoints : mount.containerPath if contains(aws_ecs_task_definition.gateway[0].volume[*].name, mount.sourceVolume)] == ["/tmp"]
    error_message = "Uploads have a place beside the read-only root."
  }

  # Requests in progress

  assert {
    condition     = aws_lb_target_group.gateway[0].health_check[0].path == "/readyz" && aws_lb_target_group.gateway[0].port == 8000 && aws_lb_target_group.gateway[0].target_type == "ip"
    error_message = "Only gateways that are ready get requests."
  }
  assert {
    condition     = tonumber(aws_lb_target_group.gateway[0].deregistration_delay) > 30 && aws_lb.gateway[0].idle_timeout > 30
    error_message = "The longest wait, 30 s, is cut neither by a deployment nor as idle."
  }
  assert {
    condition     = aws_ecs_service.gateway[0].deployment_minimum_healthy_percent == 100 && aws_ecs_service.gateway[0].deployment_circuit_breaker[0].rollback && [for target in aws_ecs_service.gateway[0].load_balancer : [target.container_name, target.container_port]] == [["gateway", 8000]]
    error_message = "New gateways start before old ones stop, behind the load balancer."
  }

  # Scaling, alarms, metrics

  assert {
    condition     = aws_appautoscaling_target.service["gateway"].min_capacity == 2 && aws_appautoscaling_target.service["gateway"].max_capacity == 8 && aws_appautoscaling_policy.cpu["gateway"].target_tracking_scaling_policy_configuration[0].target_value == 60 && keys(aws_appautoscaling_policy.backlog) == ["worker"]
    error_message = "Gateways scale by CPU alone."
  }
  assert {
    condition = alltrue([for alarm in [aws_cloudwatch_metric_alarm.gateway_errors[0], aws_cloudwatch_metric_alarm.gateway_slow[0], aws_cloudwatch_metric_alarm.gateway_unhealthy[0], aws_cloudwatch_metric_alarm.too_few["gateway"]] :
      alarm.alarm_actions == toset(var.alarm_topic_arns)
    ])
    error_message = "Errors, slow answers, gateways that are not ready and too few of them notify somebody."
  }
  assert {
    condition     = toset(flatten([for query in aws_cloudwatch_metric_alarm.gateway_errors[0].metric_query : query.metric[*].metric_name])) == toset(["RequestCount", "HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count"]) && aws_cloudwatch_metric_alarm.gateway_slow[0].extended_statistic == "p95" && aws_cloudwatch_metric_alarm.gateway_slow[0].threshold == 2 && toset(keys(aws_cloudwatch_metric_alarm.gateway_unhealthy[0].dimensions)) == toset(["LoadBalancer", "TargetGroup"])
    error_message = "Metrics have AWS's names."
  }
  assert {
    condition     = aws_service_discovery_service.service["gateway"].name == "gateway" && length(aws_ecs_service.gateway[0].service_registries) == 1 && aws_vpc_security_group_ingress_rule.prometheus["gateway"].referenced_security_group_id == "sg-prometheus" && aws_vpc_security_group_ingress_rule.prometheus["gateway"].to_port == 9100
    error_message = "Prometheus finds them, and reaches only their metrics."
  }
}

run "public_api" {
  command = plan
  variables {
    network = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2", "subnet-3"] }

    forms = {
      image_tag                    = "0.8.0-intake"
      database_url                 = "postgresql://forms@db.example.com/forms?sslmode=verify-full&sslrootcert=/rds.pem"
      database_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:forms-AbCdEf"
      database_security_group_id   = "sg-forms"
    }

    gateway = {
      image_tag                    = "0.8.0-api"
      host_name                    = "digits.example.com"
      certificate_arn              = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
      client_cidrs                 = ["0.0.0.0/0"]
      public_subnet_ids            = ["subnet-8", "subnet-9"]
      web_acl_arn                  = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/mine/0"
      database_url                 = "postgresql://gateway@db.example.com/gateway?sslmode=verify-full&sslrootcert=/rds.pem"
      database_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:gateway-AbCdEf"
      database_security_group_id   = "sg-database"
      oidc                         = { issuer = "https://login.example.com/realms/forms", audience = "mmdigit" }
      webhooks                     = { hosts = ["hooks.example.com", "hooks.example.org"], secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:hooks-AbCdEf" }
    }
  }

  assert {
    condition     = !aws_lb.gateway[0].internal && aws_lb.gateway[0].subnets == toset(["subnet-8", "subnet-9"]) && aws_ecs_service.gateway[0].network_configuration[0].subnets == toset(var.network.subnet_ids)
    error_message = "The load balancer alone is in public subnets."
  }
  assert {
    condition     = aws_wafv2_web_acl_association.gateway[0].web_acl_arn == var.gateway.web_acl_arn
    error_message = "The web ACL stands before it."
  }
  assert {
    condition     = length(aws_service_discovery_service.service) == 0 && !contains(keys(aws_vpc_security_group_ingress_rule.connection), "gateway-endpoints") && aws_vpc_security_group_egress_rule.https["gateway"].cidr_ipv4 == "0.0.0.0/0"
    error_message = "In an existing network gateways reach AWS by its own route."
  }
  assert {
    condition     = toset(jsondecode(aws_ecs_task_definition.gateway[0].container_definitions)[0].secrets[*].name) == toset(["MMDIGIT_DATABASE_PASSWORD", "MMDIGIT_FORMS_PASSWORD", "MMDIGIT_REDIS_PASSWORD", "MMDIGIT_WEBHOOK_SECRET"]) && contains(jsondecode(aws_iam_role_policy.execution.policy).Statement[3].Resource, var.gateway.webhooks.secret_arn)
    error_message = "Every secret is passed by reference, and tasks may be started with it."
  }
  assert {
    condition     = aws_vpc_security_group_egress_rule.connection["gateway-forms"].referenced_security_group_id == "sg-forms" && [for statement in jsondecode(aws_iam_role_policy.gateway[0].policy).Statement : statement.Resource if endswith(statement.Resource, "/mmdigit.pages")] == [local.pages_topic_arn]
    error_message = "With forms, gateways take pages: they write their topic, and read their database."
  }
}

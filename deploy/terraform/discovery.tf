# Service discovery for a Prometheus in the same VPC (optional): worker.NAME.internal and so on, and access to their metrics.

locals {
  watched = var.prometheus_security_group_id != null
}

resource "aws_service_discovery_private_dns_namespace" "this" {
  count = local.watched ? 1 : 0
  name  = "${var.name}.internal"
  vpc   = local.vpc_id
  tags  = local.tags
}

resource "aws_service_discovery_service" "service" {
  for_each      = local.watched ? toset(keys(local.services)) : []
  name          = each.key
  force_destroy = true # else a registered task blocks its deletion, and it blocks the namespace

  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.this[0].id
    routing_policy = "MULTIVALUE" # the address of every task, at most eight per response

    dns_records {
      type = "A"
      ttl  = 10
    }
  }

  tags = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "prometheus" {
  for_each                     = local.watched ? merge({ worker = aws_security_group.worker.id }, local.serves_api ? { gateway = aws_security_group.gateway[0].id } : {}) : {}
  description                  = "prometheus-${each.key}"
  security_group_id            = each.value
  referenced_security_group_id = var.prometheus_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 9100
  to_port                      = 9100
  tags                         = local.tags
}

# Addresses of 0.8.0, whose resources stay as they are.
moved {
  from = aws_service_discovery_service.worker[0]
  to   = aws_service_discovery_service.service["worker"]
}

moved {
  from = aws_vpc_security_group_ingress_rule.prometheus[0]
  to   = aws_vpc_security_group_ingress_rule.prometheus["worker"]
}

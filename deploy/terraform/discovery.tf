# Service discovery for a Prometheus in the same VPC (optional): worker.NAME.internal, and access to the workers' port.

locals {
  watched = var.prometheus_security_group_id != null
}

resource "aws_service_discovery_private_dns_namespace" "this" {
  count = local.watched ? 1 : 0
  name  = "${var.name}.internal"
  vpc   = local.vpc_id
  tags  = local.tags
}

resource "aws_service_discovery_service" "worker" {
  count         = local.watched ? 1 : 0
  name          = "worker"
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
  count                        = local.watched ? 1 : 0
  description                  = "prometheus-worker"
  security_group_id            = aws_security_group.worker.id
  referenced_security_group_id = var.prometheus_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 9100
  to_port                      = 9100
  tags                         = local.tags
}

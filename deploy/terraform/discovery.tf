# Where a Prometheus in the same VPC finds the workers, if one is named: worker.NAME.internal, and the way to their port.

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
  force_destroy = true # else a task that is still entered keeps it, and it the namespace

  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.this[0].id
    routing_policy = "MULTIVALUE" # every task's address, eight of them in one answer at most

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

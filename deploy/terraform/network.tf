# Three private subnets without internet access, and endpoints for the AWS services that tasks need; or an existing network.

data "aws_availability_zones" "available" {
  #checkov:skip=CKV_AWS_394:Subnets keep their original zone (ignore_changes)
  count            = local.own_network ? 1 : 0
  state            = "available"
  exclude_zone_ids = var.excluded_zone_ids

  filter { # no local zones, which lack MSK and Fargate
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }

  lifecycle {
    postcondition {
      condition     = length(self.names) >= 3
      error_message = "Expected three zones that MSK supports in ${var.region}, got ${length(self.names)} (${join(", ", self.names)}); choose another region, or set network."
    }
  }
}

locals {
  own_network = var.network == null
  vpc_id      = local.own_network ? aws_vpc.this[0].id : var.network.vpc_id
  subnet_ids  = local.own_network ? aws_subnet.private[*].id : var.network.subnet_ids
  # The AWS services that tasks and producers use: image, log, secret, the producers' role, and a shell in a task. Login to
  # MSK needs no request.
  endpoints = concat(["ecr.api", "ecr.dkr", "logs", "secretsmanager", "sts"], var.exec ? ["ssmmessages"] : [])
}

resource "aws_vpc" "this" {
  #checkov:skip=CKV2_AWS_11:Flow logs cost money per gigabyte and would record every job's connection; add one resource if needed
  count                = local.own_network ? 1 : 0
  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true # the endpoints' private names need it
  tags                 = merge(local.tags, { Name = var.name })
}

resource "aws_default_security_group" "closed" {
  count   = local.own_network ? 1 : 0
  vpc_id  = aws_vpc.this[0].id
  ingress = []
  egress  = []
  tags    = local.tags
}

resource "aws_subnet" "private" {
  count                   = local.own_network ? 3 : 0
  vpc_id                  = aws_vpc.this[0].id
  availability_zone       = data.aws_availability_zones.available[0].names[count.index]
  cidr_block              = cidrsubnet(var.vpc_cidr, 4, count.index)
  map_public_ip_on_launch = false
  tags                    = merge(local.tags, { Name = "${var.name}-private-${count.index}" })

  lifecycle {
    ignore_changes = [availability_zone] # new AWS zones must not move the brokers
  }
}

resource "aws_route_table" "private" {
  count  = local.own_network ? 1 : 0
  vpc_id = aws_vpc.this[0].id
  tags   = merge(local.tags, { Name = "${var.name}-private" })
}

resource "aws_route_table_association" "private" {
  count          = local.own_network ? 3 : 0
  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private[0].id
}

resource "aws_vpc_endpoint" "s3" { # ECR stores layers in S3
  count             = local.own_network ? 1 : 0
  vpc_id            = aws_vpc.this[0].id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private[0].id]
  tags              = local.tags
}

resource "aws_vpc_endpoint" "interface" {
  for_each            = toset(local.own_network ? local.endpoints : [])
  vpc_id              = aws_vpc.this[0].id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = slice(local.subnet_ids, 0, var.endpoint_zones)
  security_group_ids  = [aws_security_group.endpoints[0].id]
  private_dns_enabled = true
  tags                = local.tags
}

resource "aws_security_group" "worker" {
  name        = "${var.name}-worker"
  description = "Workers: no ingress; egress to Kafka, Redis and AWS"
  vpc_id      = local.vpc_id
  tags        = local.tags
}

resource "aws_security_group" "kafka" {
  name        = "${var.name}-kafka"
  description = "Brokers"
  vpc_id      = local.vpc_id
  tags        = local.tags
}

resource "aws_security_group" "redis" {
  name        = "${var.name}-redis"
  description = "Prediction store"
  vpc_id      = local.vpc_id
  tags        = local.tags
}

resource "aws_security_group" "producer" {
  #checkov:skip=CKV2_AWS_5:For producers, which are not created here
  name        = "${var.name}-producer"
  description = "Members can reach the brokers"
  vpc_id      = local.vpc_id
  tags        = local.tags
}

resource "aws_security_group" "endpoints" {
  count       = local.own_network ? 1 : 0
  name        = "${var.name}-endpoints"
  description = "Endpoints of AWS services"
  vpc_id      = local.vpc_id
  tags        = local.tags
}

locals {
  # Every allowed connection, as an egress rule for the client and an ingress rule for the server.
  connections = merge(
    {
      worker-kafka   = { from = aws_security_group.worker.id, to = aws_security_group.kafka.id, port = 9098 }
      producer-kafka = { from = aws_security_group.producer.id, to = aws_security_group.kafka.id, port = 9098 }
      worker-redis   = { from = aws_security_group.worker.id, to = aws_security_group.redis.id, port = 6379 }
    },
    local.read ? {
      producer-redis = { from = aws_security_group.producer.id, to = aws_security_group.redis.id, port = 6379 }
    } : {},
    local.reads_forms ? {
      worker-forms = { from = aws_security_group.worker.id, to = var.forms.database_security_group_id, port = 5432 }
    } : {},
    local.serves_api ? {
      gateway-kafka    = { from = aws_security_group.gateway[0].id, to = aws_security_group.kafka.id, port = 9098 }
      gateway-redis    = { from = aws_security_group.gateway[0].id, to = aws_security_group.redis.id, port = 6379 }
      gateway-database = { from = aws_security_group.gateway[0].id, to = var.gateway.database_security_group_id, port = 5432 }
      balancer-gateway = { from = aws_security_group.balancer[0].id, to = aws_security_group.gateway[0].id, port = local.gateway_port }
    } : {},
    try(local.takes_forms && var.forms.database_security_group_id != var.gateway.database_security_group_id, false) ? {
      gateway-forms = { from = aws_security_group.gateway[0].id, to = var.forms.database_security_group_id, port = 5432 }
    } : {},
    local.serves_api && local.own_network ? {
      gateway-endpoints = { from = aws_security_group.gateway[0].id, to = aws_security_group.endpoints[0].id, port = 443 }
    } : {},
    local.own_network ? {
      worker-endpoints   = { from = aws_security_group.worker.id, to = aws_security_group.endpoints[0].id, port = 443 }
      producer-endpoints = { from = aws_security_group.producer.id, to = aws_security_group.endpoints[0].id, port = 443 }
    } : {}
  )
}

resource "aws_vpc_security_group_egress_rule" "connection" {
  for_each                     = local.connections
  description                  = each.key
  security_group_id            = each.value.from
  referenced_security_group_id = each.value.to
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
  tags                         = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "connection" {
  for_each                     = local.connections
  description                  = each.key
  security_group_id            = each.value.to
  referenced_security_group_id = each.value.from
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
  tags                         = local.tags
}

resource "aws_vpc_security_group_egress_rule" "https" {
  for_each = merge(
    { worker = aws_security_group.worker.id, producer = aws_security_group.producer.id },
    { for group in aws_security_group.gateway : "gateway" => group.id }
  )
  description       = "${each.key} to S3, or in an existing network to AWS by its own route"
  security_group_id = each.value
  prefix_list_id    = local.own_network ? aws_vpc_endpoint.s3[0].prefix_list_id : null
  cidr_ipv4         = local.own_network ? null : "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = local.tags
}

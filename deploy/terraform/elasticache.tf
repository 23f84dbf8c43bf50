# The prediction store: Valkey in two zones, one or more shards, TLS, and a user with the worker's permissions.

locals {
  redis_id     = "${var.name}-store"
  redis_family = "valkey${split(".", var.redis_version)[0]}"
  sharded      = var.redis_shards > 1
  # The current version of a password; during a rotation also the previous one, so that old and new workers both log in.
  password_stages = var.rotating_passwords ? ["AWSCURRENT", "AWSPREVIOUS"] : ["AWSCURRENT"]
  store_url = local.sharded ? (
    "rediss+cluster://${aws_elasticache_replication_group.this.configuration_endpoint_address}:6379"
    ) : (
    "rediss://${aws_elasticache_replication_group.this.primary_endpoint_address}:6379/0"
  )
}

data "aws_secretsmanager_secret_version" "redis_password" {
  for_each      = toset(local.password_stages)
  secret_id     = var.redis_password_secret_arn
  version_stage = each.key
}

resource "aws_elasticache_subnet_group" "this" {
  name       = local.redis_id
  subnet_ids = local.subnet_ids
  tags       = local.tags
}

resource "aws_elasticache_parameter_group" "this" {
  name   = "${local.redis_id}-${local.redis_family}${local.sharded ? "-cluster" : ""}"
  family = local.redis_family

  # A full store rejects writes and the workers wait; it never evicts a prediction.
  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
  dynamic "parameter" {
    for_each = local.sharded ? ["yes"] : []
    content {
      name  = "cluster-enabled"
      value = parameter.value
    }
  }

  lifecycle {
    create_before_destroy = true # an upgrade needs another family while the old one is in use
  }

  tags = local.tags
}

resource "aws_elasticache_user" "worker" {
  user_id   = "${var.name}-worker"
  user_name = "worker"
  engine    = "valkey"
  # The commands of the store's scripts, only on its keys; tests compare them with deploy/redis/users.acl.
  access_string = join(" ", [
    "on", "~mmdigit:prediction:*", "~mmdigit:dead:*", "~mmdigit:group:*", "~mmdigit:outcomes:*",
    "~mmdigit:predictions", "~mmdigit:predictions:*", "resetchannels", "-@all", "+ping", "+select", "+evalsha", "+script|load",
    "+exists", "+set", "+getdel", "+hget", "+hincrby", "+expire", "+xadd", "+rpush", "+lrange", "+lpop",
    "+wait", "+info", "+cluster|slots", "+asking",
  ])

  authentication_mode {
    type      = "password"
    passwords = [for version in data.aws_secretsmanager_secret_version.redis_password : version.secret_string]
  }

  tags = local.tags
}

# The user of clients that send no name. AWS requires it in every group. It is off, has no permissions, and nobody knows its
# password.
resource "aws_elasticache_user" "default" {
  user_id       = "${var.name}-default"
  user_name     = "default"
  engine        = "valkey"
  access_string = "off ~* -@all"

  authentication_mode {
    type      = "password"
    passwords = [sha512("default ${data.aws_secretsmanager_secret_version.redis_password["AWSCURRENT"].secret_string}")]
  }

  lifecycle {
    ignore_changes = [authentication_mode] # it is independent of the workers' password
  }

  tags = local.tags
}

resource "aws_elasticache_user_group" "this" {
  user_group_id = local.redis_id
  engine        = "valkey"
  user_ids = concat(
    [aws_elasticache_user.default.user_id, aws_elasticache_user.worker.user_id], aws_elasticache_user.reader[*].user_id
  )
  tags = local.tags
}

resource "aws_elasticache_replication_group" "this" {
  #checkov:skip=CKV2_AWS_50:On by default; a store with one node (small.tfvars) cannot fail over
  #checkov:skip=CKV_AWS_31:Users with passwords and permissions (user_group_ids) instead of a shared token
  #checkov:skip=CKV_AWS_191:Encrypted at rest with ElastiCache's own key unless kms_key_arn names one
  replication_group_id       = local.redis_id
  description                = "Predictions of ${var.name}"
  engine                     = "valkey"
  engine_version             = var.redis_version
  node_type                  = var.redis_node_type
  port                       = 6379
  parameter_group_name       = aws_elasticache_parameter_group.this.name
  num_cache_clusters         = local.sharded ? null : var.redis_nodes
  num_node_groups            = local.sharded ? var.redis_shards : null
  replicas_per_node_group    = local.sharded ? var.redis_nodes - 1 : null
  automatic_failover_enabled = local.sharded || var.redis_nodes > 1
  multi_az_enabled           = var.redis_nodes > 1
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  at_rest_encryption_enabled = true
  kms_key_id                 = var.kms_key_arn
  user_group_ids             = [aws_elasticache_user_group.this.user_group_id]
  subnet_group_name          = aws_elasticache_subnet_group.this.name
  security_group_ids         = [aws_security_group.redis.id]
  snapshot_retention_limit   = 7
  final_snapshot_identifier  = "${local.redis_id}-last"
  apply_immediately          = true # a nearly full store cannot wait a week for a larger node
  auto_minor_version_upgrade = true

  lifecycle {
    prevent_destroy = true # it holds the only copy of the predictions
  }

  tags = local.tags
}

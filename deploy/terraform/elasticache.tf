# The prediction store: Valkey in two zones, TLS, a user with the rights that the worker needs.

locals {
  redis_id = "${var.name}-store"
}

data "aws_secretsmanager_secret_version" "redis_password" {
  secret_id = var.redis_password_secret_arn
}

resource "aws_elasticache_subnet_group" "this" {
  name       = local.redis_id
  subnet_ids = local.subnet_ids
}

resource "aws_elasticache_parameter_group" "this" {
  name   = local.redis_id
  family = "valkey8"

  # A full store refuses and the workers wait; no prediction is dropped to make room for another.
  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
}

resource "aws_elasticache_user" "worker" {
  user_id   = "${var.name}-worker"
  user_name = "worker"
  engine    = "valkey"
  # The commands of the store's scripts, on its keys alone; tests hold them equal to deploy/redis/users.acl.
  access_string = join(" ", [
    "on", "~mmdigit:prediction:*", "~mmdigit:dead:*", "~mmdigit:group:*", "~mmdigit:predictions",
    "~mmdigit:predictions:*", "resetchannels", "-@all", "+ping", "+select", "+evalsha", "+script|load",
    "+exists", "+set", "+getdel", "+hget", "+hincrby", "+expire", "+xadd",
    "+wait", "+info", "+cluster|slots", "+asking",
  ])

  authentication_mode {
    type      = "password"
    passwords = [data.aws_secretsmanager_secret_version.redis_password.secret_string]
  }
}

resource "aws_elasticache_user_group" "this" { # no user "default": nobody gets in without a name
  user_group_id = local.redis_id
  engine        = "valkey"
  user_ids      = concat([aws_elasticache_user.worker.user_id], aws_elasticache_user.reader[*].user_id)
}

resource "aws_elasticache_replication_group" "this" {
  #checkov:skip=CKV_AWS_31:Users with passwords and rights (user_group_ids) instead of one token for everybody
  #checkov:skip=CKV_AWS_191:Encrypted at rest with ElastiCache's own key
  replication_group_id       = local.redis_id
  description                = "Predictions of ${var.name}"
  engine                     = "valkey"
  engine_version             = "8.0"
  node_type                  = var.redis_node_type
  port                       = 6379
  parameter_group_name       = aws_elasticache_parameter_group.this.name
  num_cache_clusters         = 2 # one primary, no shards: a batch is stored by one script
  automatic_failover_enabled = true
  multi_az_enabled           = true
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  at_rest_encryption_enabled = true
  user_group_ids             = [aws_elasticache_user_group.this.user_group_id]
  subnet_group_name          = aws_elasticache_subnet_group.this.name
  security_group_ids         = [aws_security_group.redis.id]
  snapshot_retention_limit   = 7
  auto_minor_version_upgrade = true

  lifecycle {
    prevent_destroy = true # it holds the only copy of the predictions
  }
}

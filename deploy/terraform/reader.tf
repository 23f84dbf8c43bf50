# A second user of the store that reads predictions, if its password is set; and the task that sends a first job and
# shows its prediction.

locals {
  read = var.redis_reader_password_secret_arn != null
}

data "aws_secretsmanager_secret_version" "redis_reader_password" {
  for_each      = toset(local.read ? local.password_stages : [])
  secret_id     = var.redis_reader_password_secret_arn
  version_stage = each.key
}

resource "aws_elasticache_user" "reader" {
  count     = local.read ? 1 : 0
  user_id   = "${var.name}-reader"
  user_name = "reader"
  engine    = "valkey"
  # The commands of `producer --wait` and `worker shadow`; tests compare them with deploy/redis/users.acl.
  access_string = join(" ", [
    "on", "%R~mmdigit:prediction:*", "%R~mmdigit:dead:*", "%R~mmdigit:group:*", "%R~mmdigit:outcomes:*",
    "%R~mmdigit:predictions", "%R~mmdigit:predictions:*", "resetchannels", "-@all", "+ping", "+select", "+mget",
    "+hmget", "+lrange", "+xread", "+xrevrange",
    "+info", "+cluster|slots", "+asking",
  ])

  authentication_mode {
    type      = "password"
    passwords = [for version in data.aws_secretsmanager_secret_version.redis_reader_password : version.secret_string]
  }

  tags = local.tags
}

resource "aws_iam_role" "first_job" {
  count                = local.read ? 1 : 0
  name                 = "${var.name}-first-job"
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy   = local.ecs_tasks_trust
  tags                 = local.tags
}

resource "aws_iam_role_policy" "first_job" {
  count  = local.read ? 1 : 0
  name   = "send-jobs"
  role   = aws_iam_role.first_job[0].name
  policy = local.send_jobs
}

# Run by hand to check that jobs are processed (outputs.tf has the command).
resource "aws_ecs_task_definition" "first_job" {
  count                    = local.read ? 1 : 0
  family                   = "${var.name}-first-job"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.first_job[0].arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }

  container_definitions = jsonencode([merge(local.hardened, {
    name       = "first-job"
    entryPoint = ["python", "-c", file("${path.module}/first_job.py")]
    command    = []
    environment = [
      for name, value in merge(local.access_environment, {
        MMDIGIT_TO             = local.worker_environment.MMDIGIT_FROM
        MMDIGIT_STORE          = local.worker_environment.MMDIGIT_STORE
        MMDIGIT_REDIS_USERNAME = aws_elasticache_user.reader[0].user_name
      }) : { name = name, value = value }
    ]
    secrets          = [{ name = "MMDIGIT_REDIS_PASSWORD", valueFrom = var.redis_reader_password_secret_arn }]
    logConfiguration = { logDriver = "awslogs", options = merge(local.log_options, { "awslogs-stream-prefix" = "first-job" }) }
  })])
  tags = local.tags
}

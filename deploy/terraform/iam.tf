# Roles: one that starts tasks, and one each for the worker, for creating topics and for producers. Forms and gateways have
# theirs in forms.tf and gateway.tf.

locals {
  # In policies, MSK derives the names of topics and groups from the cluster's name.
  topic_arn   = "${replace(local.cluster_arn, ":cluster/", ":topic/")}/${var.topic}"
  letters_arn = "${local.topic_arn}.dead"
  group_arn   = "${replace(local.cluster_arn, ":cluster/", ":group/")}/${var.consumer_group}"

  ecs_tasks_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })

  # The equivalent of deploy/kafka/acls.sh; tests compare the two.
  write_jobs    = ["kafka-cluster:DescribeTopic", "kafka-cluster:DescribeTopicDynamicConfiguration", "kafka-cluster:WriteData"]
  connect       = ["kafka-cluster:Connect"]
  connect_write = ["kafka-cluster:Connect", "kafka-cluster:WriteDataIdempotently"]
  send_jobs = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = local.connect_write, Resource = local.cluster_arn },
      { Effect = "Allow", Action = local.write_jobs, Resource = local.topic_arn },
    ]
  })
}

data "aws_caller_identity" "current" {}

# Starts tasks: pulls the image, opens the log, passes the secret. The worker itself does not have this role.

resource "aws_iam_role" "execution" {
  name                 = "${var.name}-execution"
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy   = local.ecs_tasks_trust
  tags                 = local.tags
}

resource "aws_iam_role_policy" "execution" {
  #checkov:skip=CKV_AWS_290:ecr:GetAuthorizationToken supports no resource
  #checkov:skip=CKV_AWS_355:ecr:GetAuthorizationToken supports no resource
  name = "start-tasks"
  role = aws_iam_role.execution.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = ["ecr:GetAuthorizationToken"], Resource = "*" }, # it supports no resource
      {
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = aws_ecr_repository.worker.arn
      },
      { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = "${aws_cloudwatch_log_group.worker.arn}:*" },
      { Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = distinct(concat([var.redis_password_secret_arn], compact([var.redis_reader_password_secret_arn]), values(local.forms_secrets), values(local.gateway_secrets))) },
    ]
  })
}

resource "aws_iam_role" "worker" {
  name                 = "${var.name}-worker"
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy   = local.ecs_tasks_trust
  tags                 = local.tags
}

resource "aws_iam_role_policy" "worker" {
  name = "work"
  role = aws_iam_role.worker.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = local.connect_write, Resource = local.cluster_arn },
      { Effect = "Allow", Action = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"], Resource = local.topic_arn },
      { Effect = "Allow", Action = ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"], Resource = local.group_arn },
      { Effect = "Allow", Action = local.write_jobs, Resource = local.letters_arn },
    ]
  })
}

# What the agent of ECS Exec needs in a worker; it supports no resource.
resource "aws_iam_role_policy" "exec" {
  #checkov:skip=CKV_AWS_290:ssmmessages supports no resource
  #checkov:skip=CKV_AWS_355:ssmmessages supports no resource
  count = var.exec ? 1 : 0
  name  = "open-a-shell"
  role  = aws_iam_role.worker.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = [for verb in ["CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel"] : "ssmmessages:${verb}"]
      Resource = "*"
    }]
  })
}

resource "aws_iam_role" "topics" {
  name                 = "${var.name}-topics"
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy   = local.ecs_tasks_trust
  tags                 = local.tags
}

resource "aws_iam_role_policy" "topics" {
  name = "make-topics"
  role = aws_iam_role.topics.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = local.connect, Resource = local.cluster_arn },
      {
        Effect   = "Allow"
        Action   = ["kafka-cluster:AlterTopic", "kafka-cluster:CreateTopic", "kafka-cluster:DescribeTopic"]
        Resource = concat([local.topic_arn, local.letters_arn], local.reads_forms ? [local.pages_topic_arn, local.pages_letters_arn] : [])
      },
    ]
  })
}

resource "aws_iam_role" "producer" {
  count                = length(var.producer_principal_arns) > 0 ? 1 : 0
  name                 = "${var.name}-producer"
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = var.producer_principal_arns } }]
  })

  tags = local.tags
}

resource "aws_iam_role_policy" "producer" {
  count  = length(aws_iam_role.producer)
  name   = "send-jobs"
  role   = aws_iam_role.producer[0].name
  policy = local.send_jobs
}

# Mocked AWS responses: names in the form that the provider checks, and those that the tests expect.

mock_data "aws_availability_zones" {
  defaults = { names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] }
}

mock_data "aws_caller_identity" {
  defaults = { account_id = "123456789012" }
}

mock_data "aws_secretsmanager_secret_version" {
  defaults = { secret_string = "only-for-the-tests" }
}

mock_resource "aws_msk_cluster" {
  defaults = {
    arn                        = "arn:aws:kafka:eu-central-1:123456789012:cluster/mmdigit-kafka/0000-1"
    bootstrap_brokers_sasl_iam = "b-1.example.kafka.amazonaws.com:9098,b-2.example.kafka.amazonaws.com:9098"
  }
}

mock_resource "aws_msk_serverless_cluster" {
  defaults = {
    arn                        = "arn:aws:kafka:eu-central-1:123456789012:cluster/mmdigit-kafka/0000-s1"
    bootstrap_brokers_sasl_iam = "boot-1.example.kafka-serverless.amazonaws.com:9098"
  }
}

mock_resource "aws_msk_configuration" {
  defaults = {
    arn             = "arn:aws:kafka:eu-central-1:123456789012:configuration/mmdigit/0000-1"
    latest_revision = 1
  }
}

mock_resource "aws_elasticache_replication_group" {
  defaults = {
    primary_endpoint_address       = "master.mmdigit-store.example.cache.amazonaws.com"
    configuration_endpoint_address = "clustercfg.mmdigit-store.example.cache.amazonaws.com"
  }
}

mock_resource "aws_ecr_repository" {
  defaults = {
    arn            = "arn:aws:ecr:eu-central-1:123456789012:repository/mmdigit"
    repository_url = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/mmdigit"
  }
}

mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws:iam::123456789012:role/mocked" }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:mocked" }
}

mock_resource "aws_subnet" {
  defaults = { id = "subnet-mocked" }
}

mock_resource "aws_security_group" {
  defaults = { id = "sg-mocked" }
}

mock_resource "aws_ecs_cluster" {
  defaults = { arn = "arn:aws:ecs:eu-central-1:123456789012:cluster/mmdigit" }
}

mock_resource "aws_ecs_task_definition" {
  defaults = { arn = "arn:aws:ecs:eu-central-1:123456789012:task-definition/mocked:1" }
}

mock_resource "aws_ecs_service" {
  defaults = { id = "arn:aws:ecs:eu-central-1:123456789012:service/mmdigit/mmdigit-worker" }
}

mock_resource "aws_lb" {
  defaults = {
    arn        = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/mmdigit-api/0000000000000000"
    arn_suffix = "app/mmdigit-api/0000000000000000"
    dns_name   = "internal-mmdigit-api-0000000000.eu-central-1.elb.amazonaws.com"
  }
}

mock_resource "aws_lb_target_group" {
  defaults = {
    arn        = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/mmdigit-api/0000000000000000"
    arn_suffix = "targetgroup/mmdigit-api/0000000000000000"
  }
}

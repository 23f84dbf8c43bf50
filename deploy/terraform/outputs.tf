# What producers need, and the commands of the next steps.

output "bootstrap_brokers" {
  description = "Brokers, host:port, TLS with IAM"
  value       = local.bootstrap
}

output "jobs_url" {
  description = "Where producers send jobs (python -m producer --to)"
  value       = local.worker_environment.MMDIGIT_FROM
}

output "topic" {
  description = "Topic of jobs"
  value       = var.topic
}

output "producer_role_arn" {
  description = "Role for producers to assume; null without producer_principal_arns"
  value       = one(aws_iam_role.producer[*].arn)
}

output "producer_security_group_id" {
  description = "Security group that reaches the brokers"
  value       = aws_security_group.producer.id
}

output "vpc_id" {
  description = "Where all of it stands"
  value       = local.vpc_id
}

output "repository_url" {
  description = "Where the image is pushed"
  value       = aws_ecr_repository.worker.repository_url
}

output "store_url" {
  description = "Where predictions are read, by the user reader"
  value       = local.worker_environment.MMDIGIT_STORE
}

locals {
  run_task = "aws ecs run-task --region ${var.region} --cluster ${aws_ecs_cluster.this.name} --launch-type FARGATE"
  in_the_workers_place = join("", [
    "--network-configuration 'awsvpcConfiguration={subnets=[${join(",", local.subnet_ids)}],",
    "securityGroups=[${aws_security_group.worker.id}],assignPublicIp=DISABLED}'",
  ])
}

output "create_topics_command" {
  description = "Runs the task that makes the topics, or gives them more partitions"
  value       = "${local.run_task} --task-definition ${aws_ecs_task_definition.topics.family} ${local.in_the_workers_place}"
}

output "first_job_command" {
  description = "Runs the task that sends a first job and shows its answer; null without redis_reader_password_secret_arn"
  value       = local.read ? "${local.run_task} --task-definition ${aws_ecs_task_definition.first_job[0].family} ${local.in_the_workers_place}" : null
}

output "start_workers_command" {
  description = "Starts the workers anew once image and topics are there"
  value       = "aws ecs update-service --region ${var.region} --cluster ${aws_ecs_cluster.this.name} --service ${aws_ecs_service.worker.name} --force-new-deployment"
}

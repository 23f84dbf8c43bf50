# Values for producers, and the commands for the next steps.

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

output "producer_policy" {
  description = "Permissions of the producers' role as JSON, for a role of your own"
  value       = local.send_jobs
}

output "producer_security_group_id" {
  description = "Security group that reaches the brokers and the endpoints"
  value       = aws_security_group.producer.id
}

output "vpc_id" {
  description = "The VPC"
  value       = local.vpc_id
}

output "repository_url" {
  description = "Repository for the image"
  value       = aws_ecr_repository.worker.repository_url
}

output "store_url" {
  description = "URL of the store for reading predictions, as user reader"
  value       = local.worker_environment.MMDIGIT_STORE
}

output "gateway_dns_name" {
  description = "Name of the API's load balancer, to which your DNS points gateway.host_name; null without gateway"
  value       = one(aws_lb.gateway[*].dns_name)
}

locals {
  run_task = "aws ecs run-task --region ${var.region} --cluster ${aws_ecs_cluster.this.name} --launch-type FARGATE"
  # run-task returns before the task starts: this waits until it ends, and returns its exit code.
  then_wait = join(" && ", [
    "--query 'tasks[0].taskArn' --output text)",
    "echo \"$task\"",
    "aws ecs wait tasks-stopped --region ${var.region} --cluster ${aws_ecs_cluster.this.name} --tasks \"$task\"",
    "code=$(aws ecs describe-tasks --region ${var.region} --cluster ${aws_ecs_cluster.this.name} --tasks \"$task\" --query 'tasks[0].containers[0].exitCode' --output text)",
    "echo \"exit code $code\"",
    "test \"$code\" = 0",
  ])
  in_the_workers_place = join("", [
    "--network-configuration 'awsvpcConfiguration={subnets=[${join(",", local.subnet_ids)}],",
    "securityGroups=[${aws_security_group.worker.id}],assignPublicIp=DISABLED}'",
  ])
}

output "create_topics_command" {
  description = "Runs the task that creates the topics or adds partitions, and waits for its exit code"
  value       = "task=$(${local.run_task} --task-definition ${aws_ecs_task_definition.topics.family} ${local.in_the_workers_place} ${local.then_wait}"
}

output "first_job_command" {
  description = "Runs the task that sends a first job and logs its prediction, and waits for its exit code; null without redis_reader_password_secret_arn"
  value       = local.read ? "task=$(${local.run_task} --task-definition ${aws_ecs_task_definition.first_job[0].family} ${local.in_the_workers_place} ${local.then_wait}" : null
}

output "start_workers_command" {
  description = "Restarts the workers once image and topics exist"
  value       = "aws ecs update-service --region ${var.region} --cluster ${aws_ecs_cluster.this.name} --service ${aws_ecs_service.worker.name} --force-new-deployment"
}

output "prometheus_config" {
  description = "prometheus.yml that finds the workers by their name in Cloud Map"
  value       = replace(file("${path.module}/prometheus-ecs.yml"), ".mmdigit.internal", ".${var.name}.internal")
}

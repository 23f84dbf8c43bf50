# Properties of the stack with every option set.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  region                    = "eu-central-1"
  image_tag                 = "0.8.0"
  redis_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:mmdigit-redis-AbCdEf"
}

run "options" {
  command = plan
  variables {
    kafka_serverless = true
    min_capacity     = 1
    network          = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2", "subnet-3"] }
    spot_percent     = 100
    redis_shards     = 2
    store_replicas   = 1
    exec             = true
    kms_key_arn      = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    tags             = { cost-centre = "forms" }
    alarm_topic_arns = ["arn:aws:sns:eu-central-1:123456789012:on-call"]

    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
    rotating_passwords       = true

    redis_reader_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:reader-AbCdEf"
    prometheus_security_group_id     = "sg-prometheus"

    forms = {
      image_tag                    = "0.8.0-intake"
      database_url                 = "postgresql://forms@db.example.com/forms?sslmode=verify-full&sslrootcert=/rds.pem"
      database_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:forms-AbCdEf"
      database_security_group_id   = "sg-database"
    }
  }

  assert {
    condition     = keys(aws_ecs_service.forms) == ["collector", "page-worker"] && alltrue([for made in aws_ecs_service.forms : !made.network_configuration[0].assign_public_ip && made.network_configuration[0].security_groups == toset([aws_security_group.worker.id])])
    error_message = "Page workers and the collector run beside the workers, without public addresses."
  }
  assert {
    condition     = alltrue([for made in aws_ecs_task_definition.forms : jsondecode(made.container_definitions)[0].user == "10001:10001" && jsondecode(made.container_definitions)[0].readonlyRootFilesystem && endswith(jsondecode(made.container_definitions)[0].image, ":0.8.0-intake")])
    error_message = "Their containers are hardened, and use the image with the template."
  }
  assert {
    condition     = { for secret in jsondecode(aws_ecs_task_definition.forms["collector"].container_definitions)[0].secrets : secret.name => secret.valueFrom } == { MMDIGIT_FORMS_PASSWORD = var.forms.database_password_secret_arn, MMDIGIT_REDIS_PASSWORD = var.redis_reader_password_secret_arn } && contains(jsondecode(aws_iam_role_policy.execution.policy).Statement[3].Resource, var.forms.database_password_secret_arn)
    error_message = "Passwords are passed by reference, and tasks may be started with them."
  }
  assert {
    condition     = aws_vpc_security_group_egress_rule.connection["worker-forms"].from_port == 5432 && aws_vpc_security_group_egress_rule.connection["worker-forms"].referenced_security_group_id == "sg-database"
    error_message = "The workers reach the database, and nothing else is opened."
  }
  assert {
    condition     = aws_appautoscaling_target.service["page-worker"].max_capacity == 8 && aws_appautoscaling_policy.backlog["page-worker"].target_tracking_scaling_policy_configuration[0].target_value == var.backlog_target_s && one([for metric in aws_appautoscaling_policy.backlog["page-worker"].target_tracking_scaling_policy_configuration[0].customized_metric_specification[0].metrics : metric.expression if metric.id == "backlog_seconds"]) == "lag / (running * 3)"
    error_message = "Page workers scale by the backlog of pages."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.backlog["page-worker"].alarm_name == "mmdigit-pages-backlog" && aws_cloudwatch_metric_alarm.backlog["page-worker"].threshold == 3600 && keys(aws_cloudwatch_metric_alarm.too_few) == ["collector", "page-worker", "worker"] && keys(aws_appautoscaling_target.service) == ["page-worker", "worker"] && keys(aws_appautoscaling_policy.cpu) == ["worker"]
    error_message = "They have an alarm of their own backlog; too few tasks of any service are an alarm, and the collector is not scaled."
  }
  assert {
    condition     = keys(aws_service_discovery_service.service) == ["collector", "page-worker", "worker"] && [for topic in jsondecode(jsondecode(aws_ecs_task_definition.topics.container_definitions)[0].command[1]) : topic.name] == ["mmdigit.jobs", "mmdigit.jobs.dead", "mmdigit.pages", "mmdigit.pages.dead"]
    error_message = "Prometheus finds them, and the topics of pages are created."
  }

  assert {
    condition     = length(aws_elasticache_user_group.this.user_ids) == 3 && contains(keys(aws_vpc_security_group_ingress_rule.connection), "producer-redis")
    error_message = "Producers can read predictions as a separate user."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.first_job[0].container_definitions)[0].secrets == [{ name = "MMDIGIT_REDIS_PASSWORD", valueFrom = var.redis_reader_password_secret_arn }] && !strcontains(nonsensitive(aws_ecs_task_definition.first_job[0].container_definitions), "only-for-the-tests")
    error_message = "The reader's password is passed by reference too."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.first_job[0].container_definitions)[0].user == "10001:10001" && aws_iam_role_policy.first_job[0].policy == local.send_jobs
    error_message = "The first-job container is hardened like the others, and its role may only send jobs."
  }
  assert {
    condition     = strcontains(output.first_job_command, "mmdigit-first-job") && strcontains(output.first_job_command, "assignPublicIp=DISABLED")
    error_message = "Outputs contain its command."
  }
  assert {
    condition     = aws_service_discovery_private_dns_namespace.this[0].name == "mmdigit.internal" && aws_service_discovery_private_dns_namespace.this[0].vpc == "vpc-1" && aws_service_discovery_service.service["worker"].name == "worker" && aws_service_discovery_service.service["worker"].dns_config[0].dns_records[0].type == "A"
    error_message = "The workers have the name that prometheus-ecs.yml uses."
  }
  assert {
    condition     = length(aws_ecs_service.worker.service_registries) == 1
    error_message = "Each task is registered there."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.prometheus["worker"].referenced_security_group_id == "sg-prometheus" && aws_vpc_security_group_ingress_rule.prometheus["worker"].from_port == 9100 && aws_vpc_security_group_ingress_rule.prometheus["worker"].to_port == 9100
    error_message = "Prometheus can reach only the metrics."
  }

  assert {
    condition     = length(aws_msk_cluster.this) == 0 && length(aws_msk_configuration.this) == 0 && length(aws_cloudwatch_metric_alarm.broker_disk) == 0
    error_message = "Serverless has no disk alarms."
  }
  assert {
    condition     = aws_msk_serverless_cluster.this[0].client_authentication[0].sasl[0].iam[0].enabled && output.bootstrap_brokers == aws_msk_serverless_cluster.this[0].bootstrap_brokers_sasl_iam
    error_message = "IAM is the only login, and outputs contain the brokers."
  }
  assert {
    condition     = alltrue([for topic in jsondecode(jsondecode(aws_ecs_task_definition.topics.container_definitions)[0].command[1]) : tonumber(topic.configs["max.message.bytes"]) <= 8388608])
    error_message = "Serverless accepts records of at most 8 MiB."
  }
  assert {
    condition     = length(aws_vpc.this) + length(aws_subnet.private) + length(aws_vpc_endpoint.interface) + length(aws_vpc_endpoint.s3) + length(aws_security_group.endpoints) == 0
    error_message = "No network is created."
  }
  assert {
    condition     = aws_ecs_service.worker.network_configuration[0].subnets == toset(var.network.subnet_ids) && aws_security_group.worker.vpc_id == "vpc-1" && output.vpc_id == "vpc-1" && aws_msk_serverless_cluster.this[0].vpc_config[0].subnet_ids == toset(var.network.subnet_ids) && aws_elasticache_subnet_group.this.subnet_ids == toset(var.network.subnet_ids)
    error_message = "Everything is in the existing network."
  }
  assert {
    condition     = !aws_ecs_service.worker.network_configuration[0].assign_public_ip
    error_message = "No public address there either."
  }
  assert {
    condition     = aws_ecs_service.worker.deployment_minimum_healthy_percent == 0
    error_message = "With one task the minimum is 0 %: at 50 a deployment would wait forever."
  }
  assert {
    condition     = { for strategy in aws_ecs_service.worker.capacity_provider_strategy : strategy.capacity_provider => strategy.weight } == { FARGATE = 0, FARGATE_SPOT = 100 } && one([for strategy in aws_ecs_service.worker.capacity_provider_strategy : strategy.base if strategy.capacity_provider == "FARGATE"]) == 1
    error_message = "One task runs on demand, the others on Spot."
  }
  assert {
    condition     = aws_ecs_service.worker.enable_execute_command && !jsondecode(aws_ecs_task_definition.worker.container_definitions)[0].readonlyRootFilesystem && jsondecode(aws_iam_role_policy.exec[0].policy).Statement[0].Action == ["ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"]
    error_message = "With a shell, its agent may open channels and write to the container."
  }
  assert {
    condition     = aws_elasticache_replication_group.this.kms_key_id == var.kms_key_arn && aws_cloudwatch_log_group.worker.kms_key_id == var.kms_key_arn && aws_ecr_repository.worker.encryption_configuration[0].kms_key == var.kms_key_arn
    error_message = "The given key encrypts store, logs and image."
  }
  assert {
    condition     = alltrue([for role in [aws_iam_role.execution, aws_iam_role.worker, aws_iam_role.topics, aws_iam_role.first_job[0], aws_iam_role.page_worker[0], aws_iam_role.collector[0]] : role.permissions_boundary == var.permissions_boundary_arn])
    error_message = "Every role has the permissions boundary."
  }
  assert {
    condition     = alltrue([for made in [aws_ecs_cluster.this, aws_ecs_service.worker, aws_msk_serverless_cluster.this[0], aws_elasticache_replication_group.this, aws_iam_role.worker, aws_security_group.kafka] : made.tags == tomap({ project = "mmdigit", cost-centre = "forms" })])
    error_message = "Every resource has the tags."
  }
  assert {
    condition     = length(data.aws_secretsmanager_secret_version.redis_password) == 2 && length(data.aws_secretsmanager_secret_version.redis_reader_password) == 2 && { for stage, version in data.aws_secretsmanager_secret_version.redis_password : stage => version.version_stage } == { AWSCURRENT = "AWSCURRENT", AWSPREVIOUS = "AWSPREVIOUS" }
    error_message = "During a rotation, the current and the previous password are valid."
  }
  assert {
    condition     = strcontains(output.prometheus_config, "worker.mmdigit.internal")
    error_message = "Outputs contain the name for Prometheus."
  }
  assert {
    condition     = aws_service_discovery_service.service["worker"].force_destroy
    error_message = "Registered tasks do not block deleting the namespace."
  }
  assert {
    condition     = aws_elasticache_replication_group.this.num_node_groups == 2 && aws_elasticache_replication_group.this.replicas_per_node_group == 1 && aws_elasticache_replication_group.this.automatic_failover_enabled && one([for parameter in aws_elasticache_parameter_group.this.parameter : parameter.value if parameter.name == "cluster-enabled"]) == "yes"
    error_message = "Two shards make a cluster, each with a replica."
  }
  assert {
    condition     = output.store_url == "rediss+cluster://clustercfg.mmdigit-store.example.cache.amazonaws.com:6379"
    error_message = "Workers and readers use the whole cluster."
  }
  assert {
    condition     = keys(aws_cloudwatch_metric_alarm.store_full) == ["0001-001", "0001-002", "0002-001", "0002-002"]
    error_message = "Each node of each shard has alarms."
  }
  assert {
    condition     = output.producer_role_arn == null
    error_message = "Without principals there is no producers' role."
  }
  assert {
    condition     = startswith(output.create_topics_command, "task=$(aws ecs run-task --region eu-central-1 --cluster mmdigit --launch-type FARGATE --task-definition mmdigit-topics --network-configuration 'awsvpcConfiguration={subnets=[subnet-1,subnet-2,subnet-3],securityGroups=[sg-mocked],assignPublicIp=DISABLED}' --query 'tasks[0].taskArn' --output text) && ") && endswith(output.create_topics_command, "test \"$code\" = 0")
    error_message = "The command for the topics' task can be pasted and returns the task's exit code."
  }
}

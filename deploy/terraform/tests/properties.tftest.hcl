# Properties of the default stack.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  region                    = "eu-central-1"
  image_tag                 = "0.8.0"
  redis_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:mmdigit-redis-AbCdEf"
}

run "defaults" {
  command = plan
  variables {
    alarm_topic_arns        = ["arn:aws:sns:eu-central-1:123456789012:on-call"]
    producer_principal_arns = ["arn:aws:iam::123456789012:role/scanner"]
  }

  # Network

  assert {
    condition     = length(aws_subnet.private) == 3 && length(distinct(aws_subnet.private[*].availability_zone)) == 3
    error_message = "Three subnets in three zones."
  }
  assert {
    condition     = alltrue([for subnet in aws_subnet.private : !subnet.map_public_ip_on_launch])
    error_message = "No subnet assigns public addresses."
  }
  assert {
    condition     = toset(keys(aws_vpc_endpoint.interface)) == toset(["ecr.api", "ecr.dkr", "logs", "secretsmanager", "sts"]) && aws_vpc_endpoint.s3[0].vpc_endpoint_type == "Gateway"
    error_message = "There are endpoints for ECR, logs, secrets, roles and S3."
  }
  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.interface : endpoint.private_dns_enabled])
    error_message = "The endpoints use the services' own DNS names."
  }
  assert {
    condition     = length(aws_default_security_group.closed[0].ingress) == 0 && length(aws_default_security_group.closed[0].egress) == 0
    error_message = "The VPC's default security group allows nothing."
  }
  assert {
    condition = toset([for name, rule in aws_vpc_security_group_ingress_rule.connection : "${name}:${rule.from_port}"]) == toset([
      "worker-kafka:9098", "producer-kafka:9098", "worker-redis:6379", "worker-endpoints:443", "producer-endpoints:443",
    ])
    error_message = "Kafka, Redis and the endpoints are reachable on one port each, only by those that need them."
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.connection : rule.cidr_ipv4 == null && rule.from_port == rule.to_port])
    error_message = "Ingress rules name security groups, never addresses."
  }
  assert {
    condition     = toset(keys(aws_vpc_security_group_egress_rule.https)) == toset(["worker", "producer"]) && alltrue([for rule in aws_vpc_security_group_egress_rule.https : rule.cidr_ipv4 == null])
    error_message = "In the new network, workers and producers reach only S3 outside the VPC, by its prefix list."
  }

  assert {
    condition     = length(aws_elasticache_user.reader) + length(aws_ecs_task_definition.first_job) + length(aws_iam_role.first_job) == 0 && output.first_job_command == null
    error_message = "Only the workers reach the store unless a reader is set."
  }
  assert {
    condition     = length(aws_service_discovery_service.service) + length(aws_vpc_security_group_ingress_rule.prometheus) + length(aws_ecs_service.worker.service_registries) == 0
    error_message = "Nobody reaches the workers unless a Prometheus is set."
  }

  # Kafka

  assert {
    condition     = aws_msk_cluster.this[0].encryption_info[0].encryption_in_transit[0].client_broker == "TLS" && aws_msk_cluster.this[0].encryption_info[0].encryption_in_transit[0].in_cluster
    error_message = "TLS between clients and brokers, and between brokers."
  }
  assert {
    condition     = aws_msk_cluster.this[0].client_authentication[0].sasl[0].iam && !aws_msk_cluster.this[0].client_authentication[0].unauthenticated && !aws_msk_cluster.this[0].client_authentication[0].sasl[0].scram
    error_message = "IAM is the only login."
  }
  assert {
    condition     = aws_msk_cluster.this[0].broker_node_group_info[0].connectivity_info[0].public_access[0].type == "DISABLED"
    error_message = "Brokers have no public address."
  }
  assert {
    condition     = length(setsubtract(["auto.create.topics.enable=false", "min.insync.replicas=2", "default.replication.factor=3", "unclean.leader.election.enable=false"], split("\n", aws_msk_configuration.this[0].server_properties))) == 0
    error_message = "Topics are not created automatically; acknowledged records are on two of three brokers."
  }
  assert {
    condition     = endswith(aws_msk_cluster.this[0].kafka_version, ".kraft")
    error_message = "Metadata mode is KRaft, as in the tests."
  }
  assert {
    condition     = try(length(aws_msk_configuration.this[0].kafka_versions), 0) == 0
    error_message = "The configuration fits every version: an upgrade does not replace it while in use."
  }
  assert {
    condition     = aws_appautoscaling_target.broker_disk[0].max_capacity > aws_msk_cluster.this[0].broker_node_group_info[0].storage_info[0].ebs_storage_info[0].volume_size && aws_appautoscaling_policy.broker_disk[0].target_tracking_scaling_policy_configuration[0].disable_scale_in && aws_appautoscaling_policy.broker_disk[0].target_tracking_scaling_policy_configuration[0].predefined_metric_specification[0].predefined_metric_type == "KafkaBrokerStorageUtilization" && aws_appautoscaling_policy.broker_disk[0].target_tracking_scaling_policy_configuration[0].target_value < aws_cloudwatch_metric_alarm.broker_disk[0].threshold
    error_message = "A disk grows before its alarm fires, and never shrinks."
  }
  assert {
    condition     = aws_msk_cluster.this[0].number_of_broker_nodes == 3
    error_message = "A broker in each of the three subnets."
  }
  assert {
    condition     = length(aws_msk_serverless_cluster.this) == 0
    error_message = "One cluster."
  }
  assert {
    condition     = output.bootstrap_brokers == aws_msk_cluster.this[0].bootstrap_brokers_sasl_iam && output.topic == "mmdigit.jobs"
    error_message = "Outputs contain the IAM listener and the topic."
  }

  # Store

  assert {
    condition     = aws_elasticache_replication_group.this.transit_encryption_enabled && aws_elasticache_replication_group.this.transit_encryption_mode == "required" && tobool(aws_elasticache_replication_group.this.at_rest_encryption_enabled)
    error_message = "Only TLS, and encryption at rest."
  }
  assert {
    condition     = aws_elasticache_replication_group.this.multi_az_enabled && aws_elasticache_replication_group.this.automatic_failover_enabled && aws_elasticache_replication_group.this.num_cache_clusters == 2
    error_message = "A second node in another zone takes over."
  }
  assert {
    condition     = aws_elasticache_replication_group.this.user_group_ids == toset([aws_elasticache_user_group.this.user_group_id]) && aws_elasticache_user_group.this.user_ids == toset(["mmdigit-default", "mmdigit-worker"])
    error_message = "The only users are the worker's and default."
  }
  assert {
    condition     = aws_elasticache_user.worker.authentication_mode[0].type == "password" && strcontains(aws_elasticache_user.worker.access_string, "-@all") && !strcontains(aws_elasticache_user.worker.access_string, "~*")
    error_message = "The user has a password, the listed commands and the project's keys."
  }
  assert {
    condition     = aws_elasticache_user.default.user_name == "default" && aws_elasticache_user.default.access_string == "off ~* -@all" && aws_elasticache_user.default.authentication_mode[0].type == "password"
    error_message = "The user default, which AWS requires, is off, has no permissions and has a password."
  }
  assert {
    condition     = nonsensitive(tolist(aws_elasticache_user.default.authentication_mode[0].passwords)[0] != tolist(aws_elasticache_user.worker.authentication_mode[0].passwords)[0])
    error_message = "Nobody knows its password."
  }
  assert {
    condition     = length(nonsensitive(aws_elasticache_user.worker.authentication_mode[0].passwords)) == 1
    error_message = "One password, except during a rotation."
  }
  assert {
    condition     = aws_elasticache_parameter_group.this.family == "valkey8" && aws_elasticache_parameter_group.this.name == "mmdigit-store-valkey8"
    error_message = "An upgrade to another family creates a new group beside the one in use."
  }
  assert {
    condition     = aws_elasticache_replication_group.this.apply_immediately && aws_elasticache_replication_group.this.final_snapshot_identifier == "mmdigit-store-last"
    error_message = "A larger node is applied at once; destroying the store takes a final snapshot."
  }
  assert {
    condition     = one([for parameter in aws_elasticache_parameter_group.this.parameter : parameter.value if parameter.name == "maxmemory-policy"]) == "noeviction"
    error_message = "No prediction is evicted."
  }
  assert {
    condition     = aws_elasticache_replication_group.this.snapshot_retention_limit >= 1
    error_message = "Daily snapshots."
  }

  # Image

  assert {
    condition     = aws_ecr_repository.worker.image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.worker.image_scanning_configuration[0].scan_on_push
    error_message = "Tags are immutable, images are scanned."
  }
  assert {
    condition     = [for rule in jsondecode(aws_ecr_lifecycle_policy.worker.policy).rules : rule.selection.tagStatus] == ["untagged"]
    error_message = "Tagged images never expire: one of them is running."
  }
  assert {
    condition     = aws_ecr_repository.worker.force_delete
    error_message = "A repository with images can be destroyed."
  }

  # Tasks

  assert {
    condition = alltrue([for definition in [aws_ecs_task_definition.worker, aws_ecs_task_definition.topics] : alltrue([
      for container in jsondecode(definition.container_definitions) :
      container.readonlyRootFilesystem && !container.privileged && container.user == "10001:10001" && container.linuxParameters.capabilities.drop == ["ALL"]
    ])])
    error_message = "Read-only root file system, no root, no capabilities."
  }
  assert {
    condition = alltrue([for definition in [aws_ecs_task_definition.worker, aws_ecs_task_definition.topics] : alltrue([
      for container in jsondecode(definition.container_definitions) : container.linuxParameters.initProcessEnabled
    ])])
    error_message = "An init process reaps orphaned processes."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.worker.container_definitions)[0].stopTimeout == 120
    error_message = "Tasks have 120 s to finish the batch."
  }
  assert {
    condition     = strcontains(join(" ", jsondecode(aws_ecs_task_definition.worker.container_definitions)[0].healthCheck.command), "/healthz")
    error_message = "The container's health check uses /healthz."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.worker.container_definitions)[0].secrets == [{ name = "MMDIGIT_REDIS_PASSWORD", valueFrom = var.redis_password_secret_arn }]
    error_message = "The password is passed by reference."
  }
  assert {
    condition = alltrue([for definition in [aws_ecs_task_definition.worker, aws_ecs_task_definition.topics] :
      !strcontains(nonsensitive(definition.container_definitions), "only-for-the-tests")
    ])
    error_message = "No task definition contains a secret's text."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.worker.container_definitions)[0].image == "123456789012.dkr.ecr.eu-central-1.amazonaws.com/mmdigit:0.8.0"
    error_message = "The image has the given tag and comes from the repository created here."
  }
  assert {
    condition     = aws_ecs_task_definition.worker.network_mode == "awsvpc" && !aws_ecs_service.worker.network_configuration[0].assign_public_ip
    error_message = "No public address."
  }
  assert {
    condition     = aws_cloudwatch_log_group.worker.retention_in_days == 30 && aws_cloudwatch_log_group.kafka[0].retention_in_days == 30
    error_message = "Logs expire."
  }

  assert {
    condition = alltrue([for definition in [aws_ecs_task_definition.worker, aws_ecs_task_definition.topics] : alltrue([
      for container in jsondecode(definition.container_definitions) : container.logConfiguration.options.mode == "non-blocking"
    ])])
    error_message = "A blocked log does not stop a worker."
  }
  assert {
    condition     = !aws_ecs_service.worker.enable_execute_command && length(aws_iam_role_policy.exec) == 0
    error_message = "No shell in a worker unless asked for."
  }

  # Deployments

  assert {
    condition     = aws_ecs_service.worker.force_new_deployment
    error_message = "Changing spot_percent is a deployment and does not recreate the service."
  }

  assert {
    condition     = aws_ecs_service.worker.deployment_maximum_percent == 100 && aws_ecs_service.worker.availability_zone_rebalancing == "DISABLED"
    error_message = "Old and new tasks never exceed the desired number, nor the partitions."
  }
  assert {
    condition     = aws_ecs_service.worker.deployment_minimum_healthy_percent == 50
    error_message = "Half of the tasks keep running while the others are replaced."
  }
  assert {
    condition     = aws_ecs_service.worker.deployment_circuit_breaker[0].enable && aws_ecs_service.worker.deployment_circuit_breaker[0].rollback
    error_message = "A version that fails to start is rolled back."
  }
  assert {
    condition     = aws_appautoscaling_target.service["worker"].max_capacity <= var.partitions
    error_message = "No more workers than partitions."
  }
  assert {
    condition     = [for strategy in aws_ecs_service.worker.capacity_provider_strategy : strategy.capacity_provider] == ["FARGATE"]
    error_message = "No Spot unless asked for."
  }

  # Scaling

  assert {
    condition     = one([for metric in aws_appautoscaling_policy.backlog["worker"].target_tracking_scaling_policy_configuration[0].customized_metric_specification[0].metrics : metric.expression if metric.return_data]) == "lag / (running * 600)"
    error_message = "Backlog in seconds: the lag divided by the throughput of the running tasks."
  }
  assert {
    condition = { for metric in aws_appautoscaling_policy.backlog["worker"].target_tracking_scaling_policy_configuration[0].customized_metric_specification[0].metrics :
      metric.id => { for dimension in metric.metric_stat[0].metric[0].dimensions : dimension.name => dimension.value } if !metric.return_data
      } == {
      lag     = { "Cluster Name" = "mmdigit-kafka", "Consumer Group" = "mmdigit", "Topic" = "mmdigit.jobs" }
      running = { "ClusterName" = "mmdigit", "ServiceName" = "mmdigit-worker" }
    }
    error_message = "The metrics are the lag of our group and topic, and the running tasks of our service."
  }
  assert {
    condition     = one([for setting in aws_ecs_cluster.this.setting : setting.value if setting.name == "containerInsights"]) == "enabled"
    error_message = "Container Insights publishes the number of running tasks."
  }
  assert {
    condition     = aws_appautoscaling_policy.cpu["worker"].target_tracking_scaling_policy_configuration[0].predefined_metric_specification[0].predefined_metric_type == "ECSServiceAverageCPUUtilization"
    error_message = "A second policy on CPU."
  }
  assert {
    condition = alltrue([for policy in concat(values(aws_appautoscaling_policy.backlog), values(aws_appautoscaling_policy.cpu)) :
      policy.target_tracking_scaling_policy_configuration[0].scale_in_cooldown > policy.target_tracking_scaling_policy_configuration[0].scale_out_cooldown
    ])
    error_message = "Scaling in is slower than scaling out."
  }

  # Alarms

  assert {
    condition     = aws_cloudwatch_metric_alarm.lag_missing.treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.lag_missing.metric_name == "SumOffsetLag" && aws_cloudwatch_metric_alarm.lag_missing.threshold == 0
    error_message = "Only missing lag data triggers this alarm."
  }
  assert {
    condition     = one([for query in aws_cloudwatch_metric_alarm.backlog["worker"].metric_query : query.expression if query.id == "backlog_seconds"]) == "lag / (running * 600)"
    error_message = "The alarm uses the same backlog seconds as scaling."
  }
  assert {
    condition = alltrue([for alarm in concat(
      [aws_cloudwatch_metric_alarm.lag_missing, aws_cloudwatch_metric_alarm.dead_letters],
      values(aws_cloudwatch_metric_alarm.backlog), values(aws_cloudwatch_metric_alarm.too_few), values(aws_cloudwatch_metric_alarm.store_full), values(aws_cloudwatch_metric_alarm.store_busy), aws_cloudwatch_metric_alarm.broker_disk,
      aws_cloudwatch_metric_alarm.broker_busy, aws_cloudwatch_metric_alarm.under_replicated, aws_cloudwatch_metric_alarm.offline_partitions,
    ) : alarm.alarm_actions == toset(var.alarm_topic_arns)])
    error_message = "Every alarm notifies somebody."
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.broker_disk) == 3 && length(aws_cloudwatch_metric_alarm.store_full) == 2
    error_message = "Each broker's disk and each store node has an alarm."
  }

  assert {
    condition     = [length(aws_cloudwatch_metric_alarm.store_busy), length(aws_cloudwatch_metric_alarm.broker_busy), length(aws_cloudwatch_metric_alarm.under_replicated), length(aws_cloudwatch_metric_alarm.offline_partitions)] == [2, 3, 3, 1]
    error_message = "Each node's thread, each broker's CPU and replicas, and partitions without a leader have alarms."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.store_busy["001"].metric_name == "EngineCPUUtilization" && aws_cloudwatch_metric_alarm.offline_partitions[0].metric_name == "OfflinePartitionsCount" && aws_cloudwatch_metric_alarm.under_replicated[2].dimensions["Broker ID"] == "3"
    error_message = "Metrics have AWS's names."
  }
  assert {
    condition     = aws_cloudwatch_log_metric_filter.dead_letters.pattern == "{ $.message = \"dead letter\" }" && aws_cloudwatch_metric_alarm.dead_letters.metric_name == aws_cloudwatch_log_metric_filter.dead_letters.metric_transformation[0].name
    error_message = "Dead letters are counted in the workers' log."
  }
  assert {
    condition     = keys(aws_cloudwatch_metric_alarm.backlog) == ["worker"] && keys(aws_cloudwatch_metric_alarm.too_few) == ["worker"] && aws_cloudwatch_metric_alarm.too_few["worker"].alarm_name == "mmdigit-too-few-workers" && aws_cloudwatch_metric_alarm.backlog["worker"].alarm_name == "mmdigit-backlog"
    error_message = "Without forms and gateway, only the workers have alarms."
  }
  assert {
    condition     = length(aws_lb.gateway) + length(aws_ecs_service.gateway) + length(aws_security_group.balancer) + length(aws_iam_role.gateway) == 0 && output.gateway_dns_name == null
    error_message = "Nothing serves an API unless gateway is set."
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.deployment_failed.event_pattern).detail.eventName == ["SERVICE_DEPLOYMENT_FAILED"] && toset(keys(aws_cloudwatch_event_target.deployment_failed)) == toset(var.alarm_topic_arns)
    error_message = "A failed deployment notifies somebody."
  }

  # Roles

  assert {
    condition     = output.producer_policy == aws_iam_role_policy.producer[0].policy
    error_message = "Outputs contain the permissions for a producers' role of your own."
  }
  assert {
    condition     = jsondecode(aws_iam_role.producer[0].assume_role_policy).Statement[0].Principal.AWS == ["arn:aws:iam::123456789012:role/scanner"]
    error_message = "Only the given principals may assume the producers' role."
  }
  assert {
    condition     = output.producer_role_arn == aws_iam_role.producer[0].arn
    error_message = "Outputs contain the producers' role."
  }
  assert {
    condition     = length(distinct([aws_iam_role.execution.name, aws_iam_role.worker.name, aws_iam_role.topics.name, aws_iam_role.producer[0].name])) == 4
    error_message = "Each has its own role."
  }
  assert {
    condition = alltrue(flatten([for policy in [aws_iam_role_policy.execution, aws_iam_role_policy.worker, aws_iam_role_policy.topics, aws_iam_role_policy.producer[0]] : [
      for statement in jsondecode(policy.policy).Statement : [for action in statement.Action : !strcontains(action, "*")]
    ]]))
    error_message = "Every action is named."
  }
  assert {
    condition = alltrue(flatten([for policy in [aws_iam_role_policy.execution, aws_iam_role_policy.worker, aws_iam_role_policy.topics, aws_iam_role_policy.producer[0]] : [
      for statement in jsondecode(policy.policy).Statement : statement.Resource != "*" || statement.Action == ["ecr:GetAuthorizationToken"]
    ]]))
    error_message = "Every resource is named, except for the action that supports none."
  }
  assert {
    condition     = alltrue([for statement in jsondecode(aws_iam_role_policy.worker.policy).Statement : alltrue([for action in statement.Action : startswith(action, "kafka-cluster:")])])
    error_message = "The worker's only AWS permissions are for Kafka; it cannot read its secret."
  }
}

run "nobody_is_told" {
  command         = plan
  expect_failures = [check.somebody_is_told]
}

run "two_zones" {
  command = plan
  variables {
    alarm_topic_arns = ["arn:aws:sns:eu-central-1:123456789012:on-call"]
  }
  override_data {
    target = data.aws_availability_zones.available
    values = { names = ["us-west-1a", "us-west-1c"] }
  }
  expect_failures = [data.aws_availability_zones.available]
}

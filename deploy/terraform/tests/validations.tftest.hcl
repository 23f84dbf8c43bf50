# Each validation rejects an invalid value. tests/deploy/test_terraform.py checks that the list is complete.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  region                    = "eu-central-1"
  image_tag                 = "0.8.0"
  redis_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:mmdigit-redis-AbCdEf"
  alarm_topic_arns          = ["arn:aws:sns:eu-central-1:123456789012:on-call"]
}

run "what_stands_alone" {
  command = plan
  variables {
    region                    = "Frankfurt"
    name                      = "MMDIGIT"
    vpc_cidr                  = "10.0.0.0/24"
    network                   = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"] }
    excluded_zone_ids         = ["us-east-1c"]
    endpoint_zones            = 4
    kafka_version             = "3.8.x"
    redis_nodes               = 0
    redis_shards              = 3
    redis_version             = "7.2"
    permissions_boundary_arn  = "boundary"
    kms_key_arn               = "alias/mine"
    dead_letters_alarm        = -1
    broker_type               = "m7g.large"
    broker_count              = 4
    broker_volume_gib         = 5
    topic                     = "mmdigit jobs"
    partitions                = 0
    consumer_group            = "mmdigit:a"
    producer_principal_arns   = ["*"]
    redis_node_type           = "r7g.large"
    redis_password_secret_arn = "hunter2"

    redis_reader_password_secret_arn = "hunter3"
    prediction_ttl_s                 = 0
    image_tag                        = "latest"
    architecture                     = "arm"
    task_cpu                         = 1000
    spot_percent                     = 101
    log_retention_days               = 0
    min_capacity                     = 0
    jobs_per_second_per_task         = 0
    cpu_target_percent               = 100
    scale_out_cooldown_s             = 30
    alarm_topic_arns                 = ["somebody@example.com"]
    prometheus_security_group_id     = "prometheus"
  }
  expect_failures = [
    var.region,
    var.name,
    var.vpc_cidr,
    var.network,
    var.excluded_zone_ids,
    var.endpoint_zones,
    var.kafka_version,
    var.redis_nodes,
    var.redis_shards,
    var.redis_version,
    var.permissions_boundary_arn,
    var.kms_key_arn,
    var.dead_letters_alarm,
    var.broker_type,
    var.broker_count,
    var.broker_volume_gib,
    var.topic,
    var.partitions,
    var.consumer_group,
    var.producer_principal_arns,
    var.redis_node_type,
    var.redis_password_secret_arn,
    var.redis_reader_password_secret_arn,
    var.prediction_ttl_s,
    var.image_tag,
    var.architecture,
    var.task_cpu,
    var.spot_percent,
    var.log_retention_days,
    var.min_capacity,
    var.jobs_per_second_per_task,
    var.cpu_target_percent,
    var.scale_out_cooldown_s,
    var.alarm_topic_arns,
    var.prometheus_security_group_id,
  ]
}

run "what_depends_on_another" {
  command = plan
  variables {
    name                = "a-name-that-is-too-long-for-elasticache"
    vpc_cidr            = "10.0/16"
    network             = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-1", "subnet-2"] }
    task_cpu            = 2048
    task_memory_mib     = 1024
    max_capacity        = 13 # of two processes each
    broker_volume_gib   = 2000
    store_replicas      = 2
    backlog_target_s    = 900
    scale_in_cooldown_s = 120
    pages_topic         = "mmdigit.jobs"
    forms               = { image_tag = "a", database_url = "postgresql://forms@db/forms?sslmode=verify-full", database_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:forms-AbCdEf", database_security_group_id = "sg-1", max_capacity = 25 }

    redis_reader_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:reader-AbCdEf"
  }
  expect_failures = [
    var.name,
    var.vpc_cidr,
    var.network,
    var.task_memory_mib,
    var.max_capacity,
    var.broker_volume_max_gib,
    var.store_replicas,
    var.backlog_target_s,
    var.scale_in_cooldown_s,
    var.pages_topic,
    var.forms,
  ]
}

run "fewer_tasks_at_most_than_at_least" {
  command = plan
  variables {
    max_capacity = 1
  }
  expect_failures = [
    var.max_capacity,
  ]
}

run "forms_without_a_reader_of_predictions" {
  command = plan
  variables {
    forms = { image_tag = "a", database_url = "postgresql://forms@db/forms?sslmode=verify-full", database_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:forms-AbCdEf", database_security_group_id = "sg-1" }
  }
  expect_failures = [
    var.forms,
  ]
}

run "forms_by_themselves" { # they depend on others, which must be valid
  command = plan
  variables {
    pages_topic = "mmdigit pages"
    forms       = { image_tag = "a", database_url = "postgresql://forms:secret@db/forms", database_password_secret_arn = "hunter4", database_security_group_id = "sg-1" }

    redis_reader_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:reader-AbCdEf"
  }
  expect_failures = [
    var.pages_topic,
    var.forms,
  ]
}

run "gateway_without_a_reader_of_predictions" {
  command = plan
  variables {
    gateway = { image_tag = "a", host_name = "digits.example.com", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/0", client_cidrs = ["10.40.0.0/16"], database_url = "postgresql://gateway@db/gateway?sslmode=verify-full", database_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:gateway-AbCdEf", database_security_group_id = "sg-1" }
  }
  expect_failures = [
    var.gateway,
  ]
}

run "gateway_with_another_name_than_its_certificate_can_have" {
  command = plan
  variables {
    gateway = { image_tag = "a", host_name = "https://digits", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/0", client_cidrs = ["10.40.0.0/16"], database_url = "postgresql://gateway@db/gateway?sslmode=verify-full", database_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:gateway-AbCdEf", database_security_group_id = "sg-1" }

    redis_reader_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:reader-AbCdEf"
  }
  expect_failures = [
    var.gateway,
  ]
}

run "gateway_that_nobody_reaches" {
  command = plan
  variables {
    gateway = { image_tag = "a", host_name = "digits.example.com", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/0", client_cidrs = ["anybody"], database_url = "postgresql://gateway@db/gateway?sslmode=verify-full", database_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:gateway-AbCdEf", database_security_group_id = "sg-1" }

    redis_reader_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:reader-AbCdEf"
  }
  expect_failures = [
    var.gateway,
  ]
}

run "gateway_in_public_subnets_of_a_private_network" {
  command = plan
  variables {
    gateway = { image_tag = "a", host_name = "digits.example.com", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/0", client_cidrs = ["10.40.0.0/16"], database_url = "postgresql://gateway@db/gateway?sslmode=verify-full", database_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:gateway-AbCdEf", database_security_group_id = "sg-1", public_subnet_ids = ["subnet-8", "subnet-9"] }

    redis_reader_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:reader-AbCdEf"
  }
  expect_failures = [
    var.gateway,
  ]
}

run "gateway_with_a_password_in_its_url" {
  command = plan
  variables {
    gateway = { image_tag = "a", host_name = "digits.example.com", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/0", client_cidrs = ["10.40.0.0/16"], database_url = "postgresql://gateway:secret@db/gateway?sslmode=verify-full", database_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:gateway-AbCdEf", database_security_group_id = "sg-1" }

    redis_reader_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:reader-AbCdEf"
  }
  expect_failures = [
    var.gateway,
  ]
}

run "gateway_with_fewer_tasks_at_most_than_at_least" {
  command = plan
  variables {
    gateway = { image_tag = "a", host_name = "digits.example.com", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/0", client_cidrs = ["10.40.0.0/16"], database_url = "postgresql://gateway@db/gateway?sslmode=verify-full", database_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:gateway-AbCdEf", database_security_group_id = "sg-1", max_capacity = 1 }

    redis_reader_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:reader-AbCdEf"
  }
  expect_failures = [
    var.gateway,
  ]
}

run "gateway_with_webhooks_that_nobody_signs" {
  command = plan
  variables {
    gateway = { image_tag = "a", host_name = "digits.example.com", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/0", client_cidrs = ["10.40.0.0/16"], database_url = "postgresql://gateway@db/gateway?sslmode=verify-full", database_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:gateway-AbCdEf", database_security_group_id = "sg-1", webhooks = { hosts = ["hooks.example.com"], secret_arn = "hunter5" } }

    redis_reader_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:reader-AbCdEf"
  }
  expect_failures = [
    var.gateway,
  ]
}

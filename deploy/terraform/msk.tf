# Kafka: MSK with three replicas, only TLS and IAM; or MSK Serverless.

locals {
  cluster_arn  = var.kafka_serverless ? aws_msk_serverless_cluster.this[0].arn : aws_msk_cluster.this[0].arn
  cluster_name = "${var.name}-kafka"
  bootstrap    = var.kafka_serverless ? aws_msk_serverless_cluster.this[0].bootstrap_brokers_sasl_iam : aws_msk_cluster.this[0].bootstrap_brokers_sasl_iam

  mib    = 1024 * 1024
  day_ms = 24 * 60 * 60 * 1000
  # A dead letter contains the whole record, at worst in base64 (4/3), and 4 KiB more. Serverless accepts at most 8 MiB, so
  # there a job must be 4 KiB smaller than the 6 MiB that the worker reads.
  max_job_bytes    = var.kafka_serverless ? 6 * local.mib - 4096 : 16 * local.mib
  max_letter_bytes = var.kafka_serverless ? 8 * local.mib : 32 * local.mib
  # Makes the brokers decompress each batch and reject one that expands too far for a worker (docs/design/limits.md).
  plain = { "compression.type" = "uncompressed" }
  topics = flatten([for topic in concat([var.topic], local.reads_forms ? [var.pages_topic] : []) : [
    {
      name        = topic
      partitions  = var.partitions
      replication = 3
      configs     = merge(local.plain, { "max.message.bytes" = tostring(local.max_job_bytes), "retention.ms" = tostring(7 * local.day_ms) })
    },
    {
      name        = "${topic}.dead"
      partitions  = 1
      replication = 3
      configs     = merge(local.plain, { "max.message.bytes" = tostring(local.max_letter_bytes), "retention.ms" = tostring(90 * local.day_ms) })
    },
  ]])
}

resource "aws_msk_configuration" "this" {
  count = var.kafka_serverless ? 0 : 1
  name  = var.name # for every version: an upgrade would replace a versioned one while it is in use
  # Acknowledged records are on two brokers in two zones. A misspelt topic is an error and is not created.
  server_properties = <<-PROPERTIES
    auto.create.topics.enable=false
    default.replication.factor=3
    min.insync.replicas=2
    unclean.leader.election.enable=false
    message.max.bytes=${local.max_letter_bytes + 65536}
    replica.fetch.max.bytes=${local.max_letter_bytes + 65536}
  PROPERTIES
}

resource "aws_cloudwatch_log_group" "kafka" {
  #checkov:skip=CKV_AWS_158:Encrypted with a key of CloudWatch's own unless kms_key_arn names one; it contains no job or prediction
  #checkov:skip=CKV_AWS_338:A year is more than an incident needs; log_retention_days takes it
  count             = var.kafka_serverless ? 0 : 1
  name              = "/${var.name}/kafka"
  kms_key_id        = var.kms_key_arn
  retention_in_days = var.log_retention_days
  tags              = local.tags
}

resource "aws_msk_cluster" "this" {
  count                  = var.kafka_serverless ? 0 : 1
  cluster_name           = local.cluster_name
  kafka_version          = var.kafka_version
  number_of_broker_nodes = var.broker_count
  enhanced_monitoring    = "DEFAULT" # free; includes the groups' lag and the disks

  broker_node_group_info {
    client_subnets  = local.subnet_ids
    instance_type   = var.broker_type
    security_groups = [aws_security_group.kafka.id]
    connectivity_info {
      public_access {
        type = "DISABLED"
      }
    }
    storage_info {
      ebs_storage_info {
        volume_size = var.broker_volume_gib
      }
    }
  }

  client_authentication {
    unauthenticated = false
    sasl {
      iam   = true
      scram = false
    }
  }

  encryption_info {
    encryption_at_rest_kms_key_arn = var.kms_key_arn
    encryption_in_transit {
      client_broker = "TLS"
      in_cluster    = true
    }
  }

  configuration_info {
    arn      = aws_msk_configuration.this[0].arn
    revision = aws_msk_configuration.this[0].latest_revision
  }

  logging_info {
    broker_logs {
      cloudwatch_logs {
        enabled   = true
        log_group = aws_cloudwatch_log_group.kafka[0].name
      }
    }
  }

  lifecycle {
    prevent_destroy = true                                                                        # it contains jobs without predictions
    ignore_changes  = [broker_node_group_info[0].storage_info[0].ebs_storage_info[0].volume_size] # grows by itself
  }

  tags = local.tags
}

# A full broker accepts no jobs, so its disk grows before that. MSK cannot shrink disks.
resource "aws_appautoscaling_target" "broker_disk" {
  count              = var.kafka_serverless ? 0 : 1
  service_namespace  = "kafka"
  scalable_dimension = "kafka:broker-storage:VolumeSize"
  resource_id        = aws_msk_cluster.this[0].arn
  min_capacity       = 1
  max_capacity       = var.broker_volume_max_gib
  tags               = local.tags
}

resource "aws_appautoscaling_policy" "broker_disk" {
  count              = var.kafka_serverless ? 0 : 1
  name               = "${var.name}-broker-disk"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.broker_disk[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.broker_disk[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.broker_disk[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value     = 65
    disable_scale_in = true

    predefined_metric_specification {
      predefined_metric_type = "KafkaBrokerStorageUtilization"
    }
  }
}

resource "aws_msk_serverless_cluster" "this" {
  count        = var.kafka_serverless ? 1 : 0
  cluster_name = local.cluster_name

  vpc_config {
    subnet_ids         = local.subnet_ids
    security_group_ids = [aws_security_group.kafka.id]
  }

  client_authentication {
    sasl {
      iam {
        enabled = true
      }
    }
  }

  lifecycle {
    prevent_destroy = true
  }

  tags = local.tags
}

# Network, Kafka and Redis. Variables without a default are required (terraform.tfvars.example).

variable "region" {
  description = "AWS region, for example eu-central-1"
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "Expected an AWS region such as eu-central-1 in region."
  }
}

variable "name" {
  description = "Prefix of every resource name"
  type        = string
  default     = "mmdigit"

  validation {
    condition     = can(regex("^[a-z]([a-z0-9]|-[a-z0-9])+$", var.name)) && length(var.name) <= 25
    error_message = "Expected in name at most 25 lower-case letters, digits and single inner hyphens: ElastiCache allows nothing else."
  }
}

# Network

variable "vpc_cidr" {
  description = "Address range of the new VPC; ignored if network is set"
  type        = string
  default     = "10.40.0.0/16"

  validation {
    condition     = try(tonumber(split("/", var.vpc_cidr)[1]), 0) >= 16 && can(cidrsubnet(var.vpc_cidr, 8, 2)) && try(tonumber(split("/", var.vpc_cidr)[1]), 32) <= 20
    error_message = "Expected in vpc_cidr an IPv4 network from /16 to /20, such as 10.40.0.0/16."
  }
}

variable "network" {
  description = "An existing VPC to use instead of a new one: private subnets in three zones, with access to ECR, S3, CloudWatch Logs and Secrets Manager on port 443"
  type = object({
    vpc_id     = string
    subnet_ids = list(string)
  })
  default = null

  validation {
    condition     = var.network == null || try(length(distinct(var.network.subnet_ids)) == 3, false)
    error_message = "Expected in network.subnet_ids three different subnets, one per zone: MSK keeps a replica in each."
  }
}

variable "excluded_zone_ids" {
  description = "Ids of zones to create no subnet in, because MSK does not support them"
  type        = list(string)
  default     = ["use1-az3"]

  validation {
    condition     = alltrue([for id in var.excluded_zone_ids : can(regex("^[a-z0-9]+-az[0-9]+$", id))])
    error_message = "Expected in excluded_zone_ids zone ids such as use1-az3; names such as us-east-1c differ between accounts."
  }
}

variable "endpoint_zones" {
  description = "Number of zones with endpoints of AWS services; each costs money per hour, but a single one sends traffic across zones and fails with its zone"
  type        = number
  default     = 3

  validation {
    condition     = contains([1, 2, 3], var.endpoint_zones)
    error_message = "Expected 1, 2 or 3 in endpoint_zones."
  }
}

# Kafka

variable "kafka_serverless" {
  description = "Use MSK Serverless instead of provisioned brokers; limits records to 8 MiB"
  type        = bool
  default     = false
}

variable "kafka_version" {
  description = "Kafka version as MSK names it, in KRaft mode"
  type        = string
  default     = "4.1.x.kraft"

  validation {
    condition     = can(regex("^[0-9]+\\.[0-9]+\\.x\\.kraft$", var.kafka_version))
    error_message = "Expected in kafka_version a version in KRaft mode such as 4.1.x.kraft: without .kraft the cluster would use ZooKeeper, which Kafka 4 does not support."
  }
}

variable "broker_type" {
  description = "MSK's instance type"
  type        = string
  default     = "kafka.m7g.large"

  validation {
    condition     = can(regex("^kafka\\.[a-z0-9]+\\.[a-z0-9]+$", var.broker_type))
    error_message = "Expected in broker_type a standard broker type such as kafka.m7g.large."
  }
}

variable "broker_count" {
  description = "Number of brokers, spread evenly over three zones"
  type        = number
  default     = 3

  validation {
    condition     = var.broker_count >= 3 && var.broker_count % 3 == 0
    error_message = "Expected in broker_count a multiple of 3: the same number in each zone."
  }
}

variable "broker_volume_gib" {
  description = "Disk size of each broker; together they must hold three replicas of seven days of jobs"
  type        = number
  default     = 100

  validation {
    condition     = var.broker_volume_gib >= 10 && var.broker_volume_gib <= 16384
    error_message = "Expected in broker_volume_gib from 10 to 16384."
  }
}

variable "broker_volume_max_gib" {
  description = "Size up to which a broker's disk grows automatically when it is 65 % full"
  type        = number
  default     = 1000

  validation {
    condition     = var.broker_volume_max_gib >= var.broker_volume_gib && var.broker_volume_max_gib <= 16384
    error_message = "Expected in broker_volume_max_gib from broker_volume_gib to 16384."
  }
}

variable "topic" {
  description = "Topic for jobs; dead letters go to the topic with this name and .dead"
  type        = string
  default     = "mmdigit.jobs"

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._-]{0,200}$", var.topic))
    error_message = "Expected in topic 1 to 201 characters of A-Z a-z 0-9 . _ -, starting with a letter or digit."
  }
}

variable "partitions" {
  description = "Partitions of the topic for jobs, three per vCPU: they limit the number of workers' processes, and five workers are no faster than four on eight partitions"
  type        = number
  default     = 24

  validation {
    condition     = var.partitions >= 1 && var.partitions <= 1000 && floor(var.partitions) == var.partitions
    error_message = "Expected in partitions a whole number from 1 to 1000."
  }
}

variable "consumer_group" {
  description = "Consumer group of the workers"
  type        = string
  default     = "mmdigit"

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$", var.consumer_group))
    error_message = "Expected in consumer_group 1 to 128 characters of A-Z a-z 0-9 . _ -, without a colon: MSK publishes no lag for a group with one."
  }
}

variable "producer_principal_arns" {
  description = "IAM roles or users that may assume the producers' role; without any, it is not created"
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.producer_principal_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[^*]+$", arn))])
    error_message = "Expected in producer_principal_arns ARNs of IAM roles or users, without *."
  }
}

# Redis

variable "redis_node_type" {
  description = "ElastiCache node type; the store must hold all predictions of prediction_ttl_s"
  type        = string
  default     = "cache.r7g.large"

  validation {
    condition     = can(regex("^cache\\.[a-z0-9]+\\.[a-z0-9]+$", var.redis_node_type))
    error_message = "Expected in redis_node_type a type such as cache.r7g.large."
  }
}

variable "redis_shards" {
  description = "Shards of the store, each with redis_nodes nodes. More than one make a cluster, which can grow beyond one node. Changing from one shard to a cluster does not migrate data"
  type        = number
  default     = 1

  validation {
    condition     = contains([1, 2, 4, 8, 16, 32, 64, 128], var.redis_shards)
    error_message = "Expected in redis_shards 1 (no cluster) or a power of two up to 128: the store spreads predictions over 128 buckets, and any other number would fill the shards unevenly."
  }
}

variable "store_replicas" {
  description = "Replicas that must acknowledge a prediction before its job counts as done; with 1, a failover loses no prediction, but workers wait while a shard has no replica"
  type        = number
  default     = 0

  validation {
    condition     = var.store_replicas >= 0 && var.store_replicas < var.redis_nodes && floor(var.store_replicas) == var.store_replicas
    error_message = "Expected in store_replicas a whole number from 0 to redis_nodes - 1, the number of replicas."
  }
}

variable "redis_nodes" {
  description = "Nodes of each shard, in different zones; if a single node fails, only the daily snapshot remains"
  type        = number
  default     = 2

  validation {
    condition     = var.redis_nodes >= 1 && var.redis_nodes <= 6 && floor(var.redis_nodes) == var.redis_nodes
    error_message = "Expected in redis_nodes a whole number from 1 to 6."
  }
}

variable "redis_version" {
  description = "Valkey version as ElastiCache names it"
  type        = string
  default     = "8.0"

  validation {
    condition     = can(regex("^([89]|[1-9][0-9])\\.[0-9]+$", var.redis_version))
    error_message = "Expected in redis_version Valkey 8.0 or later."
  }
}

variable "rotating_passwords" {
  description = "Accept the previous versions of passwords too, during a rotation (README.md)"
  type        = bool
  default     = false
}

variable "redis_password_secret_arn" {
  description = "ARN of a Secrets Manager secret whose whole text is the workers' password, 16 to 128 characters"
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^*]+$", var.redis_password_secret_arn))
    error_message = "Expected in redis_password_secret_arn the ARN of a secret, not the password."
  }
}

variable "redis_reader_password_secret_arn" {
  description = "The same for the user that reads predictions; null for no such user"
  type        = string
  default     = null

  validation {
    condition     = var.redis_reader_password_secret_arn == null || can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^*]+$", var.redis_reader_password_secret_arn))
    error_message = "Expected in redis_reader_password_secret_arn the ARN of a secret, not the password."
  }
}

variable "prediction_ttl_s" {
  description = "How long to keep predictions, in seconds"
  type        = number
  default     = 2592000

  validation {
    condition     = var.prediction_ttl_s >= 1 && var.prediction_ttl_s <= 315360000
    error_message = "Expected in prediction_ttl_s from 1 second to ten years (315360000)."
  }
}

# Everything that an account may want otherwise; what has no default must be said (terraform.tfvars.example).

variable "region" {
  description = "AWS region, for example eu-central-1"
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "Expected an AWS region such as eu-central-1 in region."
  }
}

variable "name" {
  description = "Begins the name of everything that is made"
  type        = string
  default     = "mmdigit"

  validation {
    condition     = can(regex("^[a-z]([a-z0-9]|-[a-z0-9]){1,24}$", var.name))
    error_message = "Expected in name small letters, digits and single inner hyphens, at most 25 of them: ElastiCache takes nothing else."
  }
}

# Network

variable "vpc_cidr" {
  description = "Addresses of the VPC that is made; without meaning where a network is given"
  type        = string
  default     = "10.40.0.0/16"

  validation {
    condition     = try(tonumber(split("/", var.vpc_cidr)[1]), 0) >= 16 && can(cidrsubnet(var.vpc_cidr, 8, 2)) && try(tonumber(split("/", var.vpc_cidr)[1]), 32) <= 20
    error_message = "Expected in vpc_cidr an IPv4 network from /16 to /20, such as 10.40.0.0/16."
  }
}

variable "network" {
  description = "A VPC to use instead of a new one, with private subnets in three zones, whose 443 reaches ECR, S3, logs and secrets"
  type = object({
    vpc_id     = string
    subnet_ids = list(string)
  })
  default = null

  validation {
    condition     = var.network == null || try(length(distinct(var.network.subnet_ids)) == 3, false)
    error_message = "Expected in network.subnet_ids three different subnets, one a zone: MSK keeps a replica in each."
  }
}

# Kafka

variable "kafka_serverless" {
  description = "MSK Serverless instead of brokers of a chosen size; records are then 8 MiB at most"
  type        = bool
  default     = false
}

variable "kafka_version" {
  description = "Kafka's version, as MSK names it"
  type        = string
  default     = "3.8.x"
}

variable "broker_type" {
  description = "MSK's instance type"
  type        = string
  default     = "kafka.m7g.large"

  validation {
    condition     = can(regex("^kafka\\.[a-z0-9]+\\.[a-z0-9]+$", var.broker_type))
    error_message = "Expected in broker_type a type of standard brokers such as kafka.m7g.large."
  }
}

variable "broker_count" {
  description = "Brokers, as many in each of the three zones"
  type        = number
  default     = 3

  validation {
    condition     = var.broker_count >= 3 && var.broker_count % 3 == 0
    error_message = "Expected in broker_count a multiple of 3: as many brokers in each zone."
  }
}

variable "broker_volume_gib" {
  description = "Disk of each broker; three replicas of seven days of jobs must fit on all of them together"
  type        = number
  default     = 100

  validation {
    condition     = var.broker_volume_gib >= 10 && var.broker_volume_gib <= 16384
    error_message = "Expected in broker_volume_gib from 10 to 16384."
  }
}

variable "topic" {
  description = "Topic of jobs; dead letters go to the topic of that name with .dead after it"
  type        = string
  default     = "mmdigit.jobs"

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._-]{0,200}$", var.topic))
    error_message = "Expected in topic 1 to 201 of A-Z a-z 0-9 . _ - that begin with a letter or digit."
  }
}

variable "partitions" {
  description = "Partitions of the topic of jobs: no more workers than these can share it"
  type        = number
  default     = 8

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
    error_message = "Expected in consumer_group 1 to 128 of A-Z a-z 0-9 . _ - and no colon: MSK publishes no lag of a group with one."
  }
}

variable "producer_principal_arns" {
  description = "IAM roles or users that may take the producers' role; without any it is not made"
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.producer_principal_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[^*]+$", arn))])
    error_message = "Expected in producer_principal_arns ARNs of IAM roles or users, without *."
  }
}

# Redis

variable "redis_node_type" {
  description = "ElastiCache's node type; the store must hold the predictions of ttl_s"
  type        = string
  default     = "cache.r7g.large"

  validation {
    condition     = can(regex("^cache\\.[a-z0-9]+\\.[a-z0-9]+$", var.redis_node_type))
    error_message = "Expected in redis_node_type a type such as cache.r7g.large."
  }
}

variable "redis_password_secret_arn" {
  description = "Secret of Secrets Manager whose whole text is the workers' password, 16 to 128 characters"
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^*]+$", var.redis_password_secret_arn))
    error_message = "Expected in redis_password_secret_arn the ARN of a secret, not the password."
  }
}

variable "prediction_ttl_s" {
  description = "How long predictions are kept, in seconds"
  type        = number
  default     = 2592000

  validation {
    condition     = var.prediction_ttl_s >= 1 && var.prediction_ttl_s <= 315360000
    error_message = "Expected in prediction_ttl_s from 1 second to ten years (315360000)."
  }
}

# Workers

variable "image_tag" {
  description = "Tag of the image in the repository that is made here; tags there cannot be changed"
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$", var.image_tag)) && var.image_tag != "latest"
    error_message = "Expected in image_tag the tag of one version such as 0.5.0; latest names none, and a rollback could not go back."
  }
}

variable "architecture" {
  description = "X86_64 or ARM64, as the image was built"
  type        = string
  default     = "X86_64"

  validation {
    condition     = contains(["X86_64", "ARM64"], var.architecture)
    error_message = "Expected X86_64 or ARM64 in architecture."
  }
}

variable "task_cpu" {
  description = "CPU units of a task; 1024 is one vCPU, which is what one worker uses"
  type        = number
  default     = 1024

  validation {
    condition     = contains([512, 1024, 2048, 4096], var.task_cpu)
    error_message = "Expected 512, 1024, 2048 or 4096 in task_cpu."
  }
}

variable "task_memory_mib" {
  description = "Memory of a task; a worker was measured at 162 MB, Fargate gives 2 GiB to a vCPU at least"
  type        = number
  default     = 2048

  validation {
    condition     = var.task_memory_mib % 1024 == 0 && var.task_memory_mib >= 2 * var.task_cpu && var.task_memory_mib <= 8 * var.task_cpu
    error_message = "Expected in task_memory_mib whole GiB, from 2 to 8 MiB for each unit of task_cpu: Fargate has nothing else."
  }
}

variable "spot_percent" {
  description = "Share of the tasks beyond the first that run on Fargate Spot, which AWS may stop with two minutes' notice"
  type        = number
  default     = 0

  validation {
    condition     = var.spot_percent >= 0 && var.spot_percent <= 100 && floor(var.spot_percent) == var.spot_percent
    error_message = "Expected in spot_percent a whole number from 0 to 100."
  }
}

variable "log_retention_days" {
  description = "How long logs are kept"
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "Expected in log_retention_days one of CloudWatch's: 1 3 5 7 14 30 60 90 120 150 180 365 400 545 731; logs are never kept for good."
  }
}

# Scaling

variable "min_capacity" {
  description = "Tasks at least; from two on they stand in different zones and a deployment never stops all"
  type        = number
  default     = 2

  validation {
    condition     = var.min_capacity >= 1 && floor(var.min_capacity) == var.min_capacity
    error_message = "Expected at least 1 in min_capacity: with no task nobody works off the jobs that would call for one."
  }
}

variable "max_capacity" {
  description = "Tasks at most"
  type        = number
  default     = 8

  validation {
    condition     = var.max_capacity <= var.partitions
    error_message = "Expected max_capacity <= partitions: a worker without a partition costs money and does nothing. Raise partitions first."
  }
  validation {
    condition     = var.max_capacity >= var.min_capacity
    error_message = "Expected max_capacity >= min_capacity."
  }
}

variable "jobs_per_second_per_task" {
  description = "What one task works off under full load; half of the 1401 jobs/s measured on a whole core (README.md says how to measure your own)"
  type        = number
  default     = 700

  validation {
    condition     = var.jobs_per_second_per_task > 0
    error_message = "Expected more than 0 in jobs_per_second_per_task: what `make bench` or your own metrics measured."
  }
}

variable "backlog_target_s" {
  description = "Seconds in which the tasks that run could work off the backlog; more tasks are started above it"
  type        = number
  default     = 60

  validation {
    condition     = var.backlog_target_s >= 10 && var.backlog_target_s < var.backlog_alarm_s
    error_message = "Expected in backlog_target_s at least 10 and less than backlog_alarm_s: an alarm below the target would sound in good health."
  }
}

variable "backlog_alarm_s" {
  description = "Seconds of backlog above which, after a quarter of an hour, somebody is told"
  type        = number
  default     = 900
}

variable "cpu_target_percent" {
  description = "Average CPU of the tasks above which more are started"
  type        = number
  default     = 80

  validation {
    condition     = var.cpu_target_percent >= 10 && var.cpu_target_percent <= 95
    error_message = "Expected in cpu_target_percent from 10 to 95."
  }
}

variable "scale_out_cooldown_s" {
  description = "Seconds between two enlargements: as long as new tasks take to start and to be seen in the lag"
  type        = number
  default     = 120

  validation {
    condition     = var.scale_out_cooldown_s >= 60
    error_message = "Expected at least 60 in scale_out_cooldown_s: the lag is published once a minute."
  }
}

variable "scale_in_cooldown_s" {
  description = "Seconds between two reductions; each of them is a rebalance"
  type        = number
  default     = 600

  validation {
    condition     = var.scale_in_cooldown_s > var.scale_out_cooldown_s
    error_message = "Expected scale_in_cooldown_s > scale_out_cooldown_s: too few tasks cost more than too many."
  }
}

# Alarms

variable "alarm_topic_arns" {
  description = "SNS topics that alarms go to"
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.alarm_topic_arns : can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", arn))])
    error_message = "Expected in alarm_topic_arns ARNs of SNS topics."
  }
}

# The workers: tasks, scaling and alarms.

variable "image_tag" {
  description = "Tag of the image in the repository created here, whose tags are immutable"
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$", var.image_tag)) && var.image_tag != "latest"
    error_message = "Expected in image_tag the tag of one version such as 0.8.0; with latest, a rollback would be impossible."
  }
}

variable "architecture" {
  description = "Architecture of the image: X86_64 or ARM64"
  type        = string
  default     = "X86_64"

  validation {
    condition     = contains(["X86_64", "ARM64"], var.architecture)
    error_message = "Expected X86_64 or ARM64 in architecture."
  }
}

variable "task_cpu" {
  description = "CPU units of a task; 1024 is one vCPU, and the worker runs one process for each"
  type        = number
  default     = 1024

  validation {
    condition     = contains([512, 1024, 2048, 4096], var.task_cpu)
    error_message = "Expected 512, 1024, 2048 or 4096 in task_cpu."
  }
}

variable "task_memory_mib" {
  description = "Memory of a task; each process of the worker uses 170 MB, but Fargate requires at least 2 GiB per vCPU"
  type        = number
  default     = 2048

  validation {
    condition     = var.task_memory_mib % 1024 == 0 && var.task_memory_mib >= 2 * var.task_cpu && var.task_memory_mib <= 8 * var.task_cpu
    error_message = "Expected in task_memory_mib whole GiB, from 2 to 8 MiB per unit of task_cpu: Fargate offers nothing else."
  }
}

variable "spot_percent" {
  description = "Percentage of tasks after the first that run on Fargate Spot, which AWS may stop with two minutes' notice"
  type        = number
  default     = 0

  validation {
    condition     = var.spot_percent >= 0 && var.spot_percent <= 100 && floor(var.spot_percent) == var.spot_percent
    error_message = "Expected in spot_percent a whole number from 0 to 100."
  }
}

variable "log_retention_days" {
  description = "How long to keep logs"
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "Expected in log_retention_days one of CloudWatch's values: 1 3 5 7 14 30 60 90 120 150 180 365 400 545 731."
  }
}

variable "exec" {
  description = "Allow `aws ecs execute-command` to open a shell in a worker; makes its root file system writable"
  type        = bool
  default     = false
}

# Scaling

variable "min_capacity" {
  description = "Minimum number of tasks; two or more run in different zones, and a deployment never stops all of them"
  type        = number
  default     = 2

  validation {
    condition     = var.min_capacity >= 1 && floor(var.min_capacity) == var.min_capacity
    error_message = "Expected at least 1 in min_capacity: without a task, nothing would scale out."
  }
}

variable "max_capacity" {
  description = "Maximum number of tasks"
  type        = number
  default     = 8

  validation {
    condition     = var.max_capacity * max(1, floor(var.task_cpu / 1024)) <= var.partitions
    error_message = "Expected max_capacity, times the vCPUs of a task, <= partitions: a process without a partition is idle. Raise partitions first."
  }
  validation {
    condition     = var.max_capacity >= var.min_capacity
    error_message = "Expected max_capacity >= min_capacity."
  }
}

variable "jobs_per_second_per_task" {
  description = "Throughput of one task, all its vCPUs together, under full load; the default, for one vCPU, is about a quarter of the 2262 jobs/s measured on a whole core (README.md: how to measure yours)"
  type        = number
  default     = 600

  validation {
    condition     = var.jobs_per_second_per_task > 0
    error_message = "Expected more than 0 in jobs_per_second_per_task; measure it with `make bench` or your own metrics."
  }
}

variable "backlog_target_s" {
  description = "Target time for the running tasks to process the backlog, in seconds; above it, more tasks start"
  type        = number
  default     = 60

  validation {
    condition     = var.backlog_target_s >= 10 && var.backlog_target_s < var.backlog_alarm_s
    error_message = "Expected in backlog_target_s at least 10 and less than backlog_alarm_s: an alarm below the target would fire in normal operation."
  }
}

variable "backlog_alarm_s" {
  description = "Backlog in seconds that triggers an alarm after 15 minutes"
  type        = number
  default     = 900
}

variable "cpu_target_percent" {
  description = "Average CPU of the tasks above which more start"
  type        = number
  default     = 80

  validation {
    condition     = var.cpu_target_percent >= 10 && var.cpu_target_percent <= 95
    error_message = "Expected in cpu_target_percent from 10 to 95."
  }
}

variable "scale_out_cooldown_s" {
  description = "Seconds between two scale-outs: one or two minutes for tasks to start, and two until their metrics are published"
  type        = number
  default     = 240

  validation {
    condition     = var.scale_out_cooldown_s >= 60
    error_message = "Expected at least 60 in scale_out_cooldown_s: the lag is published once a minute."
  }
}

variable "scale_in_cooldown_s" {
  description = "Seconds between two scale-ins; each causes a rebalance"
  type        = number
  default     = 600

  validation {
    condition     = var.scale_in_cooldown_s > var.scale_out_cooldown_s
    error_message = "Expected scale_in_cooldown_s > scale_out_cooldown_s: too few tasks cost more than too many."
  }
}

# For every resource

variable "tags" {
  description = "Tags of every resource, in addition to project"
  type        = map(string)
  default     = {}
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of every role created here; null for none"
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/[^*]+$", var.permissions_boundary_arn))
    error_message = "Expected in permissions_boundary_arn the ARN of a policy, or null."
  }
}

variable "kms_key_arn" {
  description = "KMS key for the brokers' disks, the store, the logs and the image; null for AWS's own keys. Its policy must allow CloudWatch Logs to use it"
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[^*]+$", var.kms_key_arn))
    error_message = "Expected in kms_key_arn the ARN of a key, or null."
  }
}

# Alarms

variable "alarm_topic_arns" {
  description = "SNS topics for alarms"
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.alarm_topic_arns : can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", arn))])
    error_message = "Expected in alarm_topic_arns ARNs of SNS topics."
  }
}

variable "dead_letters_alarm" {
  description = "Dead letters within five minutes that trigger an alarm"
  type        = number
  default     = 100

  validation {
    condition     = var.dead_letters_alarm >= 0
    error_message = "Expected at least 0 in dead_letters_alarm."
  }
}

variable "prometheus_security_group_id" {
  description = "Security group of your Prometheus in this VPC: registers the workers in Cloud Map and allows access to their metrics; null for neither"
  type        = string
  default     = null

  validation {
    condition     = var.prometheus_security_group_id == null || can(regex("^sg-", var.prometheus_security_group_id))
    error_message = "Expected in prometheus_security_group_id the id of a security group, sg-..., or null."
  }
}

# The workers: their tasks, how many of them, and when somebody is told.

variable "image_tag" {
  description = "Tag of the image in the repository that is made here; tags there cannot be changed"
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$", var.image_tag)) && var.image_tag != "latest"
    error_message = "Expected in image_tag the tag of one version such as 0.8.0; latest names none, and a rollback could not go back."
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

variable "exec" {
  description = "Let `aws ecs execute-command` open a shell in a worker; its root file system can then be written to"
  type        = bool
  default     = false
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
  description = "What one task works off under full load; less than half of the 1267 jobs/s measured on a whole core (README.md says how to measure your own)"
  type        = number
  default     = 600

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
  description = "Seconds between two enlargements: a minute or two for new tasks to start, and two until a minute of theirs is published"
  type        = number
  default     = 240

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

# For all of it

variable "tags" {
  description = "Tags of everything that is made, beside project"
  type        = map(string)
  default     = {}
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds every role made here; null for none"
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/[^*]+$", var.permissions_boundary_arn))
    error_message = "Expected in permissions_boundary_arn the ARN of a policy, or null."
  }
}

variable "kms_key_arn" {
  description = "Key of yours for the brokers' disks, the store, the logs and the image; null for AWS's own. Its policy must let CloudWatch Logs use it"
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[^*]+$", var.kms_key_arn))
    error_message = "Expected in kms_key_arn the ARN of a key, or null."
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

variable "dead_letters_alarm" {
  description = "Dead letters within five minutes above which somebody is told"
  type        = number
  default     = 100

  validation {
    condition     = var.dead_letters_alarm >= 0
    error_message = "Expected at least 0 in dead_letters_alarm."
  }
}

variable "prometheus_security_group_id" {
  description = "Security group of your Prometheus in this VPC: the workers get a name in Cloud Map, and it may reach their metrics; null for neither"
  type        = string
  default     = null

  validation {
    condition     = var.prometheus_security_group_id == null || can(regex("^sg-", var.prometheus_security_group_id))
    error_message = "Expected in prometheus_security_group_id the id of a security group, sg-..., or null."
  }
}

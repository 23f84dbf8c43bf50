# What reads forms (forms.tf).

variable "pages_topic" {
  description = "Topic of pages; its dead letters go to the topic with .dead appended"
  type        = string
  default     = "mmdigit.pages"

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]{1,200}$", var.pages_topic))
    error_message = "Expected in pages_topic 1 to 200 letters, digits, points, underscores and hyphens."
  }
  validation {
    condition     = var.pages_topic != var.topic
    error_message = "Expected two topics in topic and pages_topic: pages are no jobs."
  }
}

variable "forms" {
  description = "Page workers and a collector: image with the extras msk and forms and with the template at /form.yaml, your PostgreSQL, and scaling; null for none"
  type = object({
    image_tag                    = string
    database_url                 = string # postgresql://user@host/database?sslmode=verify-full&sslrootcert=FILE
    database_password_secret_arn = string
    database_security_group_id   = string
    min_capacity                 = optional(number, 1)
    max_capacity                 = optional(number, 8)
    pages_per_second_per_task    = optional(number, 3)
  })
  default = null

  validation {
    condition     = var.forms == null || try(can(regex("^postgresql://[^:@/]+@[^/?]+/[^?]+\\?sslmode=verify-full", var.forms.database_url)) && startswith(var.forms.database_security_group_id, "sg-") && can(regex("^arn:[a-z-]+:secretsmanager:", var.forms.database_password_secret_arn)), false)
    error_message = "Expected in forms a URL postgresql://user@host/database?sslmode=verify-full..., a security group sg-... and the ARN of a secret."
  }
  validation {
    condition     = var.forms == null || try(var.forms.min_capacity >= 1 && var.forms.max_capacity >= var.forms.min_capacity && var.forms.max_capacity <= var.partitions && var.forms.pages_per_second_per_task > 0, false)
    error_message = "Expected 1 <= min_capacity <= max_capacity <= partitions and more than 0 in pages_per_second_per_task: a page worker without a partition is idle."
  }
  validation {
    condition     = var.forms == null || var.redis_reader_password_secret_arn != null
    error_message = "Expected redis_reader_password_secret_arn with forms: the collector reads predictions as user reader."
  }
}

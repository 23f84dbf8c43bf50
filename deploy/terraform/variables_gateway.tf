# What serves the HTTP API (gateway.tf).

variable "gateway" {
  description = "The HTTP API behind a load balancer: image with the extras msk and gateway, its host name and certificate, who may reach it, your PostgreSQL, and scaling; null for none"
  type = object({
    image_tag                    = string
    host_name                    = string       # of the certificate; point it to the output gateway_dns_name
    certificate_arn              = string       # of ACM
    client_cidrs                 = list(string) # who may open connections
    public_subnet_ids            = optional(list(string), [])
    web_acl_arn                  = optional(string) # of AWS WAF
    database_url                 = string           # postgresql://user@host/database?sslmode=verify-full&sslrootcert=FILE
    database_password_secret_arn = string
    database_security_group_id   = string
    oidc                         = optional(object({ issuer = string, audience = string, tenant_claim = optional(string) }))
    webhooks                     = optional(object({ hosts = list(string), secret_arn = string }))
    min_capacity                 = optional(number, 2)
    max_capacity                 = optional(number, 8)
    cpu_target_percent           = optional(number, 60) # lower than the workers': callers wait
    slow_answers_alarm_s         = optional(number, 2)  # p95
  })
  default = null

  validation {
    condition     = var.gateway == null || try(can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$", var.gateway.host_name)) && can(regex("^arn:[a-z-]+:acm:[a-z0-9-]+:[0-9]{12}:certificate/[^*]+$", var.gateway.certificate_arn)) && (var.gateway.web_acl_arn == null || can(regex("^arn:[a-z-]+:wafv2:", var.gateway.web_acl_arn))), false)
    error_message = "Expected in gateway a host name such as digits.example.com, the ARN of its certificate in ACM, and in web_acl_arn the ARN of a web ACL or nothing."
  }
  validation {
    condition     = var.gateway == null || try(length(var.gateway.client_cidrs) > 0 && alltrue([for cidr in var.gateway.client_cidrs : can(cidrnetmask(cidr))]), false)
    error_message = "Expected in gateway.client_cidrs IPv4 networks such as 10.0.0.0/8: nobody else reaches the API."
  }
  validation {
    condition     = var.gateway == null || try(length(var.gateway.public_subnet_ids) == 0 || (length(distinct(var.gateway.public_subnet_ids)) >= 2 && var.network != null), false)
    error_message = "Expected in gateway.public_subnet_ids nothing, for a private API, or two or more public subnets of the VPC in network: the network made here has no way to the internet."
  }
  validation {
    condition     = var.gateway == null || try(can(regex("^postgresql://[^:@/]+@[^/?]+/[^?]+\\?sslmode=verify-full", var.gateway.database_url)) && startswith(var.gateway.database_security_group_id, "sg-") && can(regex("^arn:[a-z-]+:secretsmanager:", var.gateway.database_password_secret_arn)), false)
    error_message = "Expected in gateway a URL postgresql://user@host/database?sslmode=verify-full..., a security group sg-... and the ARN of a secret."
  }
  validation {
    condition     = var.gateway == null || (try(startswith(var.gateway.oidc.issuer, "https://"), try(var.gateway.oidc, null) == null) && try(length(var.gateway.webhooks.hosts) > 0 && can(regex("^arn:[a-z-]+:secretsmanager:", var.gateway.webhooks.secret_arn)), try(var.gateway.webhooks, null) == null))
    error_message = "Expected in gateway.oidc an issuer https://..., and in gateway.webhooks the hosts that may get them and the ARN of the secret that signs them."
  }
  validation {
    condition     = var.gateway == null || try(var.gateway.min_capacity >= 1 && var.gateway.max_capacity >= var.gateway.min_capacity && var.gateway.cpu_target_percent >= 10 && var.gateway.cpu_target_percent <= 95 && var.gateway.slow_answers_alarm_s > 0, false)
    error_message = "Expected in gateway 1 <= min_capacity <= max_capacity, cpu_target_percent from 10 to 95 and more than 0 in slow_answers_alarm_s."
  }
  validation {
    condition     = var.gateway == null || var.redis_reader_password_secret_arn != null
    error_message = "Expected redis_reader_password_secret_arn with gateway: it reads predictions as user reader."
  }
}

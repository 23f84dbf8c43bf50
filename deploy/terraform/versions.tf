# Which Terraform and which providers. The tests run with the versions of .terraform.lock.hcl; provider 6 was read about and not
# run. No provider is configured here, so that a configuration of yours can use this folder as a module (README.md).
terraform {
  required_version = "~> 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100.0, < 7.0.0"
    }
  }
}

locals {
  tags = merge({ project = var.name }, var.tags)
}

# The image repository: immutable tags, scan on push, untagged layers expire.

resource "aws_ecr_repository" "worker" {
  #checkov:skip=CKV_AWS_136:Encrypted with ECR's own key unless kms_key_arn names one; the image contains no secrets
  name                 = var.name
  image_tag_mutability = "IMMUTABLE"
  force_delete         = true # images can be rebuilt, so destroy may delete the repository

  encryption_configuration {
    encryption_type = var.kms_key_arn == null ? "AES256" : "KMS"
    kms_key         = var.kms_key_arn
  }

  image_scanning_configuration {
    scan_on_push = true
  }

  tags = local.tags
}

resource "aws_ecr_lifecycle_policy" "worker" {
  repository = aws_ecr_repository.worker.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Keep tagged images: one is running, the others are for rollbacks"
      selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
      action       = { type = "expire" }
    }]
  })
}

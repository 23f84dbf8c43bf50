# Where the image lies: tags that cannot be moved, scanned when pushed, layers of no tag removed.

resource "aws_ecr_repository" "worker" {
  #checkov:skip=CKV_AWS_136:Encrypted with ECR's own key unless kms_key_arn names one; the image holds nothing secret
  name                 = var.name
  image_tag_mutability = "IMMUTABLE"
  force_delete         = true # an image is built again; the repository goes with the rest

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
      description  = "Tagged ones stay: one of them runs, others are what to roll back to"
      selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
      action       = { type = "expire" }
    }]
  })
}

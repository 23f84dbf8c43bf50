# Where the image lies: tags that cannot be moved, scanned when pushed, old ones removed.

resource "aws_ecr_repository" "worker" {
  #checkov:skip=CKV_AWS_136:Encrypted with ECR's own key; the image holds nothing secret
  name                 = var.name
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "worker" {
  repository = aws_ecr_repository.worker.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Room to roll back"
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 20 }
      action       = { type = "expire" }
    }]
  })
}

# Alarms of the HTTP API: errors, slow answers, gateways that are not ready. alarms.tf has that of too few tasks.

locals {
  balancer_dimensions = local.serves_api ? { LoadBalancer = aws_lb.gateway[0].arn_suffix } : {}
  target_dimensions   = local.serves_api ? merge(local.balancer_dimensions, { TargetGroup = aws_lb_target_group.gateway[0].arn_suffix }) : {}
}

resource "aws_cloudwatch_metric_alarm" "gateway_errors" {
  count               = local.serves_api ? 1 : 0
  alarm_name          = "${var.name}-gateway-errors"
  alarm_description   = "For five minutes, more than 1 % of the requests have got a 5xx answer: see /readyz and the log of the gateways (docs/operate/operations.md). 503 says that the topic, the store or the database is away; 502 and 504 come from the load balancer itself."
  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching" # nobody calls
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns

  metric_query {
    id          = "error_percent"
    expression  = "IF(requests > 20, 100 * (FILL(of_gateways, 0) + FILL(of_balancer, 0)) / requests, 0)"
    label       = "Requests that got a 5xx answer, in percent"
    return_data = true
  }
  dynamic "metric_query" {
    for_each = { requests = "RequestCount", of_gateways = "HTTPCode_Target_5XX_Count", of_balancer = "HTTPCode_ELB_5XX_Count" }
    content {
      id = metric_query.key
      metric {
        namespace   = "AWS/ApplicationELB"
        metric_name = metric_query.value
        dimensions  = local.balancer_dimensions
        stat        = "Sum"
        period      = 60
      }
    }
  }

  tags = local.tags
}

resource "aws_cloudwatch_metric_alarm" "gateway_slow" {
  count               = local.serves_api ? 1 : 0
  alarm_name          = "${var.name}-gateway-slow"
  alarm_description   = "For ten minutes, one answer in twenty has taken more than ${var.gateway.slow_answers_alarm_s} s to begin. With `wait`, callers wait for the workers: see their backlog first. Otherwise topic, store or database are slow (docs/operate/operations.md)."
  namespace           = "AWS/ApplicationELB"
  metric_name         = "TargetResponseTime"
  dimensions          = local.balancer_dimensions
  extended_statistic  = "p95"
  period              = 60
  evaluation_periods  = 10
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.gateway.slow_answers_alarm_s
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = local.tags
}

resource "aws_cloudwatch_metric_alarm" "gateway_unhealthy" {
  count               = local.serves_api ? 1 : 0
  alarm_name          = "${var.name}-gateway-unhealthy"
  alarm_description   = "A gateway has failed /readyz for more than five minutes, so ECS replaces it: see what it waits for in its log (docs/operate/operations.md)."
  namespace           = "AWS/ApplicationELB"
  metric_name         = "UnHealthyHostCount"
  dimensions          = local.target_dimensions
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching" # too_few covers that
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = local.tags
}

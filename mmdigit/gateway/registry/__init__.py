"""What the gateway has to keep: tokens, groups and webhooks."""

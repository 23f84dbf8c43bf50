"""Who calls, and what they may do: bearer tokens, JWTs of an identity provider, tenants, scopes and rates."""

"""What people look at, and what they say: review of uncertain fields, control of accepted ones, and what is learnt."""

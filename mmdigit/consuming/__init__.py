"""What every program that consumes a topic does around its own work. The loop is mmdigit.consuming.loop."""

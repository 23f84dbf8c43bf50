"""What every program that sends a source once needs: the journal of what is acknowledged, and a progress line."""

"""Forms, printed, filled with MNIST digits, degraded with known truth, and read again."""

"""What people would use in place of this worker: one small program each, run in environments of their own."""

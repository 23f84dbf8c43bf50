"""Programs to copy, which read what the store holds; each stands alone."""

"""Files that users name: opened within bounds, kept private, written atomically, recognised by their first bytes."""

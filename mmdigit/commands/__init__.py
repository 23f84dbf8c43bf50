"""The commands of `mmdigit` that need no training: predict, show."""

"""The commands of `mmdigit` that need no training packages: predict, show."""

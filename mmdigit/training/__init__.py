"""Training, evaluation and export. The only package that imports torch."""

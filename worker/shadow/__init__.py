"""`python -m worker shadow`: compares a new model with the live workers and writes nothing."""

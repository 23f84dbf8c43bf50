"""Tests of mmdigit.training."""

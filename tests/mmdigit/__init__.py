"""Tests of mmdigit."""

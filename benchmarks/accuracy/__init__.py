"""Accuracy benchmarks: bias, coverage and width against a known truth."""

"""Benchmarks of speed and accuracy: `python -m benchmarks speed|accuracy [NAME]`."""

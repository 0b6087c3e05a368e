"""Notebooks, kept as ``py:percent`` scripts; `python -m notebooks.run` executes them."""

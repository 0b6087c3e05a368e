"""Regression models with honest intervals for small and rare outcomes."""

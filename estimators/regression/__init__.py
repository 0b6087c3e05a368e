"""Regression models with honest intervals for small and rare outcomes."""

from __future__ import annotations

from estimators.regression.firth import firth_logistic

__all__ = ["firth_logistic"]

"""Bootstrap and jackknife: same answer on any number of jobs, failures counted."""

from __future__ import annotations

from estimators.resampling.draws import multinomial_counts, resample_indices
from estimators.resampling.drivers import bootstrap, jackknife
from estimators.resampling.replicates import Failure, Replicates

__all__ = [
    "Failure",
    "Replicates",
    "bootstrap",
    "jackknife",
    "multinomial_counts",
    "resample_indices",
]

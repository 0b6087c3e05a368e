"""A fitted model of the published table, for examples and documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estimators.latent_class.analysis import latent_class_analysis
from estimators.latent_class.example import role_conflict

if TYPE_CHECKING:
    from estimators.latent_class.latent_fit import LatentClassFit

__all__ = ["fitted_example"]


def fitted_example() -> LatentClassFit:
    """Return two classes of Stouffer and Toby's students.

    Examples
    --------
    >>> fitted_example().n_classes
    2
    """
    return latent_class_analysis(role_conflict(), n_classes=2, n_starts=5, rng=1)

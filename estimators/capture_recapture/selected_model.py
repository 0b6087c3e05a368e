"""What a selection among models returns: its estimate and the rivals beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from estimators.capture_recapture.all_models import AllModels, Criterion
from estimators.errors import InputError
from estimators.results import Estimate

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from estimators.array_types import IntVector

__all__ = ["SelectedModel"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SelectedModel(Estimate):
    """An estimate under the selected model, with all models that were compared.

    Attributes
    ----------
    model : str
        Maximal terms of the selected model.
    criterion : {"bic", "aic"}
    fits : AllModels
    replicate_model : ndarray of int64, shape (n_resamples,)
        Place of the model that each bootstrap replicate selected, -1 for none.
    """

    model: str
    criterion: Criterion
    fits: AllModels
    replicate_model: IntVector

    def __post_init__(self) -> None:
        self.replicate_model.setflags(write=False)

    def rivals(self, *, within: float = 10.0) -> pd.DataFrame:
        """Return the models near the best one, and those that replicates selected.

        Parameters
        ----------
        within : float
            Units of the criterion from the best model.

        Returns
        -------
        DataFrame
            Best first: model, estimate and std_error (persons, the model taken as
            known), n_parameters, bic or aic, difference, weight among all estimable
            models, and selection_frequency if replicates were drawn.

        Raises
        ------
        InputError
            If `within` is negative.
        """
        if not within >= 0:
            raise InputError(f"within={within!r}: a number >= 0 was expected.")
        values = self.fits.criterion(self.criterion)
        chosen = self.replicate_model[self.replicate_model >= 0]
        times = np.bincount(chosen, minlength=values.size)
        near = (values - np.nanmin(values) <= within) | (times > 0)
        frame = self.fits.to_frame(self.criterion, among=near)
        if self.replicate_model.size:
            order = self.fits.ranking(self.criterion)
            share = times[order[near[order]]] / self.replicate_model.size
            frame["selection_frequency"] = share
        return frame

    def plot_rivals(self, ax: Axes | None = None, *, within: float = 10.0) -> Axes:
        """Draw estimates of `rivals` against their weight; returns the axes."""
        from estimators.plotting import model_weight_plot

        return model_weight_plot(self.rivals(within=within), ax=ax)

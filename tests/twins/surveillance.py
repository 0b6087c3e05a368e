"""Farrington flexible, one week at a time with a general regression library."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.stats import nbinom, poisson


def farrington_baseline(week, *, years_back, half, seasons, excluded, frequency=52):
    """Return positions and seasons (0 is the tested week's) of one week's baseline."""
    label = {}
    for back in range(years_back, 0, -1):
        centre, later = week - back * frequency, week - (back - 1) * frequency
        if seasons > 1:
            between = list(range(centre + half + 1, later - half))
            for block, part in enumerate(_cut(between, seasons - 1), start=1):
                label.update(dict.fromkeys(part, block))
        label.update(dict.fromkeys(range(centre - half, centre + half + 1), 0))
    label.update(dict.fromkeys(range(week - half, week), 0))
    kept = sorted(at for at in label if at < week - excluded)
    return np.array(kept), np.array([label[at] for at in kept])


def farrington_bound(counts, week, *, above=2.58, level=0.99, exposure=None, **rule):
    """Return expected count, dispersion and nbPlugin bound of one week, with trend."""
    counts = np.asarray(counts, dtype=float)
    exposure = np.ones(counts.size) if exposure is None else np.asarray(exposure)
    places, season = farrington_baseline(week, **rule)
    x = pd.get_dummies(pd.Series(season), dtype=float).to_numpy()
    trended = np.column_stack([x, places - week])
    result = _fit(counts[places], trended, np.log(exposure[places]), above)
    now = np.exp(result.params[0]) * exposure[week]
    if now > counts[places].max():
        result = _fit(counts[places], x, np.log(exposure[places]), above)
        now = np.exp(result.params[0]) * exposure[week]
    phi = max(result.pearson_chi2 / result.df_resid, 1.0)
    bound = (
        nbinom.ppf(level, now / (phi - 1), 1 / phi)
        if phi > 1
        else poisson.ppf(level, now)
    )
    return now, phi, bound


def _fit(y, x, offset, above):
    def model(weights):
        made = sm.GLM(
            y, x, family=sm.families.Poisson(), offset=offset, var_weights=weights
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return made.fit(tol=1e-14, maxiter=200)

    first = model(np.ones(y.size))
    mu = first.fittedvalues
    phi = max(first.pearson_chi2 / first.df_resid, 1.0)
    hat = first.get_hat_matrix_diag(observed=False)
    hat = first.get_influence().hat_matrix_diag if hat is None else hat
    s = 1.5 * (y ** (2 / 3) * mu ** (-1 / 6) - np.sqrt(mu)) / np.sqrt(phi * (1 - hat))
    weights = np.where(s > above, s**-2.0, 1.0)
    return model(weights * y.size / weights.sum())


def _cut(items, parts):
    length, rest = divmod(len(items), parts)
    start = 0
    for part in range(parts):
        size = length + (part < rest)
        yield items[start : start + size]
        start += size

"""Coverage of the proportion intervals over simulated cluster samples (nightly)."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from estimators import survey
from estimators.survey import SurveyDesign

pytestmark = pytest.mark.simulation

N_SAMPLES = 2000


def coverage(prevalence, *, clusters, size, correlation, ci):
    """Share of samples whose 95 % interval holds the prevalence.

    Cluster risks are beta distributed with the given intracluster correlation; two
    strata of equal prevalence and unequal weights.
    """
    rng = np.random.default_rng(20260101)
    spread = 1 / correlation - 1
    psu = np.repeat(np.arange(clusters), size)
    frame = pd.DataFrame({"psu": psu, "h": psu % 2, "w": 1.0 + 2 * (psu % 2), "y": 0.0})
    hits, widths = 0, []
    for _ in range(N_SAMPLES):
        risk = rng.beta(prevalence * spread, (1 - prevalence) * spread, clusters)
        frame = frame.assign(y=(rng.random(psu.size) < risk[psu]).astype(float))
        design = SurveyDesign.from_frame(frame, weights="w", strata="h", psu="psu")
        interval = survey.proportion(design, "y", ci=ci).ci
        hits += prevalence in interval
        widths.append(interval.width)
    return hits, float(np.median(widths))


@pytest.mark.parametrize("prevalence", [0.01, 0.05, 0.25])
@pytest.mark.parametrize("clusters", [12, 40])
def test_korn_graubard__covers_rare_outcomes_in_clusters(prevalence, clusters):
    # Conservative by construction: only the lower end of the 99.9 % band is a failure.
    hits, _ = coverage(
        prevalence, clusters=clusters, size=10, correlation=0.05, ci="korn_graubard"
    )
    assert hits >= binom.ppf(0.0005, N_SAMPLES, 0.95)

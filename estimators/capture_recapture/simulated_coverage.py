"""How often the 95 % intervals of each method held a known size, for its `notes`.

Figures are those of the accuracy tables under ``benchmarks/accuracy/results``; a test
fails where they differ.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    # Least and largest coverage in per cent over the scenarios of one truth.
    Held: TypeAlias = Mapping[str, tuple[int, int]]

__all__ = ["HELD", "HELD_WITH_COVARIATES", "coverage_notes"]

TRUTHS: Mapping[str, str] = MappingProxyType(
    {
        "independent": "of tables of independent lists",
        "dependent": "where two pairs of lists depend on each other",
        "heterogeneous": "where persons differ in how catchable they are",
        "two_lists linear": "of pairs of lists that the default learner explains",
        "two_lists curved": "where the covariate acts through its square",
        "strata reach": "of tables where strata differ in reach alone",
        "strata dependent": "where two lists depend on each other besides",
        "counts equal": "of registers whose rates within a group are equal",
        "counts spread": "where they are spread (geometric counts)",
        "counts one_inflated": "where persons stay away after once",
    }
)
# By method of the table: dense and sparse, with all numbers of lists that it ran with.
# Scenarios in which most tables determine no estimate are left out.
HELD: Mapping[str, Held] = MappingProxyType(
    {
        "log_linear_main_effects": {
            "independent": (94, 96),
            "dependent": (0, 16),
            "heterogeneous": (0, 0),
        },
        "closed_population_M0": {
            "independent": (92, 96),
            "dependent": (0, 27),
            "heterogeneous": (0, 0),
        },
        "closed_population_Mb": {
            "independent": (0, 2),
            "dependent": (0, 0),
            "heterogeneous": (0, 0),
        },
        "closed_population_Mbh": {
            "independent": (0, 49),
            "dependent": (0, 93),
            "heterogeneous": (0, 13),
        },
        "closed_population_Mth_chao": {
            "independent": (94, 96),
            "dependent": (0, 56),
            "heterogeneous": (0, 6),
        },
        "closed_population_Mth_poisson2": {
            "independent": (93, 98),
            "dependent": (25, 78),
            "heterogeneous": (0, 62),
        },
        "closed_population_Mth_darroch": {
            "independent": (93, 97),
            "dependent": (81, 96),
            "heterogeneous": (85, 95),
        },
        "closed_population_Mth_gamma3.5": {
            "independent": (93, 97),
            "dependent": (92, 97),
            "heterogeneous": (43, 94),
        },
        "closed_population_Mth_normal": {
            "independent": (94, 96),
            "dependent": (62, 90),
            "heterogeneous": (93, 95),
        },
        "closed_population_Mh_chao": {
            "independent": (90, 96),
            "dependent": (0, 63),
            "heterogeneous": (0, 10),
        },
        "closed_population_Mh_darroch": {
            "independent": (93, 97),
            "dependent": (80, 96),
            "heterogeneous": (84, 94),
        },
        "closed_population_Mh_normal": {
            "independent": (91, 96),
            "dependent": (61, 90),
            "heterogeneous": (92, 95),
        },
        "select_stepwise": {
            "independent": (93, 95),
            "dependent": (10, 93),
            "heterogeneous": (0, 2),
        },
        "select_stepwise_resampled": {
            "independent": (88, 98),
            "dependent": (41, 95),
            "heterogeneous": (0, 4),
        },
        "select_stepwise_aic": {
            "independent": (90, 94),
            "dependent": (36, 93),
            "heterogeneous": (1, 69),
        },
        "downhill": {
            "independent": (93, 95),
            "dependent": (29, 94),
            "heterogeneous": (0, 29),
        },
        "select_aic": {
            "independent": (88, 93),
            "dependent": (52, 89),
            "heterogeneous": (32, 76),
        },
        "select_bic": {
            "independent": (93, 95),
            "dependent": (32, 93),
            "heterogeneous": (0, 34),
        },
        "select_bic_resampled": {
            "independent": (95, 98),
            "dependent": (63, 95),
            "heterogeneous": (5, 41),
        },
        "average_models": {
            "independent": (95, 98),
            "dependent": (55, 96),
            "heterogeneous": (0, 42),
        },
        "decomposable_graphs": {
            "independent": (95, 98),
            "dependent": (55, 95),
            "heterogeneous": (0, 10),
        },
        "bayesian_threshold": {
            "independent": (87, 96),
            "dependent": (12, 87),
            "heterogeneous": (13, 66),
        },
        "latent_class_capture": {
            "independent": (93, 98),
            "dependent": (35, 97),
            "heterogeneous": (0, 72),
        },
    }
)
HELD_WITH_COVARIATES: Mapping[str, Held] = MappingProxyType(
    {
        "truncated_counts_poisson": {
            "counts equal": (94, 95),
            "counts spread": (0, 0),
            "counts one_inflated": (3, 54),
        },
        "truncated_counts_geometric": {
            "counts equal": (0, 0),
            "counts spread": (94, 95),
            "counts one_inflated": (0, 0),
        },
        "truncated_counts_negative_binomial": {
            "counts equal": (95, 97),
            "counts spread": (93, 96),
            "counts one_inflated": (1, 66),
        },
        "truncated_counts_one_inflated_poisson": {
            "counts equal": (94, 96),
            "counts spread": (0, 0),
            "counts one_inflated": (70, 84),
        },
        "truncated_counts_one_inflated_positive_poisson": {
            "counts equal": (95, 97),
            "counts spread": (0, 0),
            "counts one_inflated": (92, 95),
        },
        "truncated_counts_chao": {
            "counts equal": (95, 95),
            "counts spread": (0, 18),
            "counts one_inflated": (0, 39),
        },
        "truncated_counts_zelterman": {
            "counts equal": (95, 95),
            "counts spread": (0, 38),
            "counts one_inflated": (0, 39),
        },
        "doubly_robust": {"two_lists linear": (92, 93), "two_lists curved": (42, 80)},
        "doubly_robust_tmle": {
            "two_lists linear": (91, 94),
            "two_lists curved": (0, 2),
        },
        "stratified_log_linear_bic": {
            "strata reach": (93, 94),
            "strata dependent": (87, 94),
        },
        "stratified_log_linear_aic": {
            "strata reach": (89, 90),
            "strata dependent": (88, 90),
        },
    }
)


def coverage_notes(method: str) -> tuple[str, ...]:
    """Return what the accuracy tables say of one of their methods; () if nothing."""
    held = HELD.get(method) or HELD_WITH_COVARIATES.get(method)
    if held is None:
        return ()
    parts = [
        f"{_words(*held[truth])} {words}"
        for truth, words in TRUTHS.items()
        if truth in held
    ]
    return (
        "in simulations, 95 % intervals of this method held the true size in "
        f"{', in '.join(parts[:-1])} and in {parts[-1]}",
    )


def _words(low: int, high: int) -> str:
    return f"{low} %" if low == high else f"{low} to {high} %"

"""How a global statistic is tested: by its exact moments or by shuffled maps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from estimators.checks import as_generator, check_choice, check_resamples
from estimators.spatial.local_inference import Alternative, choose_side, normal_tails

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector
    from estimators.results import Estimate
    from estimators.spatial.weights import SpatialWeights

__all__ = ["GlobalInference", "GlobalTest", "pair_sums"]

GlobalInference = Literal["normal", "permutation"]
_TIE = 1e-12
_BATCH = 1_000_000  # values shuffled at a time: 8 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalTest:
    """The test of a global statistic; checked once, at the public door."""

    inference: GlobalInference
    alternative: Alternative
    n_resamples: int
    rng: int | np.random.Generator | None

    def __post_init__(self) -> None:
        check_choice("inference", self.inference, ("normal", "permutation"))
        check_choice("alternative", self.alternative, ("two-sided", "greater", "less"))
        check_resamples(self.n_resamples, least=19)

    def judge(
        self,
        result: Estimate,
        z: FloatVector,
        weights: SpatialWeights,
        *,
        squares: bool = False,
    ) -> Estimate:
        """Return the result with the p-value of this test.

        `squares` says that the statistic grows with squared differences, not products.
        """
        if self.inference == "normal":
            above, below = normal_tails(np.array([result.diagnostics["z"]]))
            if not result.std_error:  # every order of the values gives this
                above = below = np.ones(1)
            extra, notes = {}, result.notes
        else:
            above, below = self._shuffled(z, weights, squares=squares)
            extra = {"n_resamples": float(self.n_resamples)}
            sides = 2 if self.alternative == "two-sided" else 1
            notes = (
                *result.notes,
                f"p-value from {self.n_resamples:,} shuffled maps; none can be below "
                f"{sides / (self.n_resamples + 1):.2g}",
            )
        p_value = float(choose_side((above, below), self.alternative)[0])
        found = {**result.diagnostics, "p_value": p_value, **extra}
        return replace(result, diagnostics=found, notes=notes)

    def _shuffled(
        self, z: FloatVector, weights: SpatialWeights, *, squares: bool
    ) -> tuple[FloatVector, FloatVector]:
        """Return (1 + maps as extreme) / (1 + maps), above and below."""
        rng, n = as_generator(self.rng), z.size
        observed = pair_sums(z[None, :], weights, squares=squares)[0]
        # Sums of the same values in another order differ in their last bits.
        tie = _TIE * 4 * float(np.abs(z).max()) ** 2 * float(weights.scaled.sum())
        batch = max(1, _BATCH // n)
        above = below = 0
        for start in range(0, self.n_resamples, batch):
            size = min(batch, self.n_resamples - start)
            maps = rng.permuted(np.broadcast_to(z, (size, n)), axis=1)
            drawn = pair_sums(maps, weights, squares=squares)
            above += int((drawn >= observed - tie).sum())
            below += int((drawn <= observed + tie).sum())
        shares = (1 + np.array([[above], [below]])) / (1 + self.n_resamples)
        return shares[0], shares[1]


def pair_sums(
    maps: FloatMatrix,
    weights: SpatialWeights,
    *,
    squares: bool,
) -> FloatVector:
    """Return ``sum_ij w_ij z_i z_j`` of each map, or of ``(z_i - z_j)^2``."""
    from scipy.sparse import csr_array

    n, scaled = weights.n_areas, weights.scaled
    matrix = csr_array((scaled, weights.neighbour, weights.first), shape=(n, n))
    lagged: FloatMatrix = np.asarray(matrix @ maps.T).T
    products: FloatVector = (maps * lagged).sum(axis=1)
    if not squares:
        return products
    # sum w (z_i - z_j)^2 = sum_i z_i^2 (row i + column i of w) - 2 sum w z_i z_j
    columns = np.bincount(weights.neighbour, weights=scaled, minlength=n)
    ends = weights.row_sums() + columns
    return np.asarray((maps**2) @ ends - 2 * products)

"""What may leave the house: the smallest cell, the coarsest place and time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from estimators.checks import check_choice, check_counts
from estimators.errors import InputError

if TYPE_CHECKING:
    from sentinel.study.config import PrivacySection

__all__ = ["ReleasePolicy"]

LEAST_MINIMUM_CELL = 5
PLACE_LEVELS = ("province", "country")
TIME_UNITS = ("month", "quarter", "year")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePolicy:
    """The rules that every released table, map and file obeys.

    Attributes
    ----------
    minimum_cell : int
        Counts from 1 to ``minimum_cell - 1`` are never released. 11 is the rule of the
        Counter-Trafficking Data Collaborative; below 5 is refused.
    place_level : {"province", "country"}
        Finest place.
    time_unit : {"month", "quarter", "year"}
        Finest time.
    round_to : int, optional
        Released counts are rounded down to a multiple of this.

    Raises
    ------
    InputError
        If a rule is weaker than the package allows.

    Notes
    -----
    A zero is shown: it says that nobody of a group was classified, which protects
    rather than exposes. Its mirror, a group in which everybody or nearly everybody was,
    is hidden: counts of non-cases obey the same minimum, zero too (see
    `protect_estimates`).

    Examples
    --------
    >>> ReleasePolicy().minimum_cell
    11
    """

    minimum_cell: int = 11
    place_level: Literal["province", "country"] = "province"
    time_unit: Literal["month", "quarter", "year"] = "quarter"
    round_to: int | None = None

    def __post_init__(self) -> None:
        check_counts(minimum_cell=self.minimum_cell)
        if self.minimum_cell < LEAST_MINIMUM_CELL:
            raise InputError(
                f"minimum_cell={self.minimum_cell}: smaller cells than "
                f"{LEAST_MINIMUM_CELL} are never released; give 5 or more (default 11)."
            )
        check_choice("place_level", self.place_level, PLACE_LEVELS)
        check_choice("time_unit", self.time_unit, TIME_UNITS)
        if self.round_to is not None:
            check_counts(round_to=self.round_to)
            if self.round_to < 1:
                raise InputError(
                    "round_to must be at least 1, or None for no rounding."
                )

    @classmethod
    def from_privacy(cls, privacy: PrivacySection) -> ReleasePolicy:
        """Return the policy of a study's ``[privacy]`` section."""
        return cls(
            minimum_cell=privacy.minimum_cell,
            place_level=privacy.place_level,
            time_unit=privacy.time_unit,
        )

    def is_small(self, count: float) -> bool:
        """Return whether a count lies in ``1..minimum_cell - 1``."""
        return 0 < count < self.minimum_cell

"""Records from which nobody leads back to a person: made once, for good.

What is left can be analysed for ever and is still not a release: it is k-anonymous on
the variables named here and no others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from estimators.errors import InputError
from sentinel.schema.states import CellState

if TYPE_CHECKING:
    from sentinel.ingest.interviews import Interviews
    from sentinel.schema.variables import Variable
    from sentinel.study.config import StudyConfig

__all__ = ["Deidentified", "band_values", "deidentify"]

BoolVector = npt.NDArray[np.bool_]
# In this order what a stranger may know of a person is blanked in small groups: places
# tell most and are missed least, for the report's tables rest on round, sex and age.
ALWAYS_KNOWN = ("nationality", "age_grp", "sex")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Deidentified:
    """Records without ids, exact places, days or amounts.

    Attributes
    ----------
    frame : DataFrame of str
        Sorted by content: the order of the field files is gone too.
    fates : DataFrame
        ``variable, fate, reason``, fate one of kept, coarsened, dropped.
    known : tuple of str
        Variables that a stranger may know; every combination of them that occurs,
        occurs `minimum_cell` times or more.
    blanked : int
        Cells emptied for that.
    removed : int
        Records taken out because even that did not help.
    """

    frame: pd.DataFrame
    fates: pd.DataFrame
    known: tuple[str, ...]
    minimum_cell: int
    blanked: int
    removed: int

    def summary(self) -> str:
        """Return what was done, for a person who must decide whether to do it."""
        lines = [
            f"{fate}: {', '.join(part['variable'])}"
            for fate, part in self.fates.groupby("fate", sort=True)
        ]
        lines.append(
            f"{len(self.frame):,} records; any combination of "
            f"{', '.join(self.known)} occurs {self.minimum_cell} times or more: "
            f"{self.blanked:,} cells blanked, {self.removed:,} records removed for it"
        )
        return "\n".join(lines)


def deidentify(interviews: Interviews, config: StudyConfig) -> Deidentified:
    """Drop ids and free text, coarsen the rest, and leave no small group.

    Parameters
    ----------
    interviews : Interviews
    config : StudyConfig
        Its ``[privacy]`` section says how coarse, its ``[maps]`` which are places.

    Returns
    -------
    Deidentified

    Raises
    ------
    InputError
        If no record is left.

    Notes
    -----
    Ids, free text, and variables that the codebook marks "never" or "enclave" are
    dropped, as is every place that is finer than the study may release. Dates become
    the study's unit of time; age gives way to its band; other numbers that the codebook
    marks "coarsen" become bands of at least `minimum_cell` persons.
    """
    columns: dict[str, pd.Series] = {}
    fates: list[tuple[str, str, str]] = []
    for variable in _variables(interviews):
        made, fate, reason = _coarse(variable, interviews, config)
        fates.append((variable.name, fate, reason))
        columns |= made
    frame = pd.DataFrame(
        {"round_id": interviews.frame["round_id"].astype("str"), **columns}
    )
    known = _known(frame, config)
    frame, blanked, removed = _without_small_groups(
        frame, known, config.privacy.minimum_cell
    )
    if frame.empty:
        raise InputError(
            f"No record is left: fewer than {config.privacy.minimum_cell} persons in "
            "each round. So few cannot be hidden among each other; delete the records."
        )
    frame = frame.sort_values(list(frame.columns), ignore_index=True, kind="stable")
    return Deidentified(
        frame=frame,
        fates=pd.DataFrame(fates, columns=["variable", "fate", "reason"]),
        known=known,
        minimum_cell=config.privacy.minimum_cell,
        blanked=blanked,
        removed=removed,
    )


def band_values(values: pd.Series, least: int) -> pd.Series:
    """Return each number as the band "low..high" that holds `least` of them or more.

    Parameters
    ----------
    values : Series of float, shape (n,)
        NA gives "".
    least : int
        Equal values stay together; fewer than `least` in all give "" throughout.

    Examples
    --------
    >>> band_values(pd.Series([1, 1, 2, 5, 9, None]), 2).tolist()
    ['1', '1', '2..9', '2..9', '2..9', '']
    """
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    counts = numbers.value_counts().sort_index()
    bands: list[list[float]] = []
    held = 0
    for value, count in counts.items():
        if not bands or held >= least:
            bands, held = [*bands, []], 0
        bands[-1].append(float(str(value)))
        held += int(count)
    if held < least and bands:
        short = bands.pop()
        bands = [*bands[:-1], [*bands[-1], *short]] if bands else []
    names = {value: _band(band) for band in bands for value in band}
    texts = [names.get(number, "") for number in numbers]
    return pd.Series(texts, index=values.index, dtype="str")


def _band(values: Sequence[float]) -> str:
    low, high = f"{values[0]:g}", f"{values[-1]:g}"
    return low if low == high else f"{low}..{high}"


def _variables(interviews: Interviews) -> Iterator[Variable]:
    for variable in interviews.codebook:
        name = variable.name
        if name == "round_id" or name not in interviews.frame:
            continue
        if (interviews.states[name] == CellState.VALUE).any():
            yield variable


def _coarse(
    variable: Variable, interviews: Interviews, config: StudyConfig
) -> tuple[dict[str, pd.Series], str, str]:
    from sentinel.disclosure import coarsen_time

    values, name = interviews.frame[variable.name], variable.name
    if variable.kind in {"id", "string"}:
        return {}, "dropped", "an id or free text"
    if variable.release in {"never", "enclave"}:
        return {}, "dropped", f"{variable.release} in the codebook"
    if variable.is_dated:
        unit = config.privacy.time_unit
        times = coarsen_time(pd.to_datetime(values), unit).fillna("").astype("str")
        return {f"{name}_{unit}": times}, "coarsened", unit
    if name == "age":
        return {}, "dropped", "age_grp holds its band"
    if variable.is_numeric:
        made = band_values(values, config.privacy.minimum_cell)
        return {f"{name}_band": made}, "coarsened", "bands"
    if not variable.codes and name != "age_grp":
        return _place(variable, values, config)
    return {name: _coded(variable, interviews)}, "kept", ""


def _place(
    variable: Variable, values: pd.Series, config: StudyConfig
) -> tuple[dict[str, pd.Series], str, str]:
    """Keep open codes only where they are provably no finer than a province."""
    from sentinel.disclosure import coarsen_places

    level = config.privacy.place_level
    try:
        coarse = coarsen_places(values, level)
    except InputError:
        return {}, "dropped", f"values that may be finer than a {level}"
    return {variable.name: coarse.fillna("").astype("str")}, "coarsened", level


def _coded(variable: Variable, interviews: Interviews) -> pd.Series:
    """Return codes; a cell without an answer keeps the code of its reason."""
    texts = interviews.frame[variable.name].astype("str").fillna("")
    states = interviews.states[variable.name].to_numpy()
    for code, state in reversed(list(variable.missing.items())):
        texts = texts.where(states != state, code)
    return pd.Series(texts, dtype="str")


def _known(frame: pd.DataFrame, config: StudyConfig) -> tuple[str, ...]:
    maps = config.maps
    places = () if maps is None else (maps.destination, maps.crossing, maps.origin)
    wanted = [*places, *ALWAYS_KNOWN, "round_id"]
    return tuple(name for name in wanted if name is not None and name in frame)


def _without_small_groups(
    frame: pd.DataFrame, known: Sequence[str], least: int
) -> tuple[pd.DataFrame, int, int]:
    """Blank `known` one after the other in small groups; take out what stays small."""
    frame, blanked = frame.copy(), 0
    for name in known:
        small = _small(frame, known, least)
        if name == "round_id" or not small.any():
            continue
        blanked += int((small & (frame[name] != "").to_numpy()).sum())
        frame[name] = frame[name].where(~small, "")
    # To take out a record can make no other group smaller: groups go as a whole.
    small = _small(frame, known, least)
    removed = int(small.sum())
    return frame[~small].reset_index(drop=True), blanked, removed


def _small(frame: pd.DataFrame, known: Sequence[str], least: int) -> BoolVector:
    sizes = frame.groupby(list(known), dropna=False)["round_id"].transform("size")
    return (sizes < least).to_numpy(np.bool_)

"""Writes a simulated study as a folder that the main job reads like any other."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from sentinel.schema.variables import Codebook, Variable
from sentinel.simulate.draw import SimulatedRound, SimulatedStudy
from sentinel.simulate.field_files import (
    FieldForm,
    field_table,
    load_form,
    write_table,
)
from sentinel.simulate.monitoring import simulate_monitoring

__all__ = ["field_tables", "write_study"]

STUDY_FILE = "study.toml"
_TRUTH_DIGITS = 6
MONITORING_RNG = 2013


def write_study(
    simulated: SimulatedStudy,
    folder: str | Path,
    *,
    rng: int | np.random.Generator | None = MONITORING_RNG,
) -> Path:
    """Write raw files, mappings, monitoring, truth; return the path of ``study.toml``.

    Parameters
    ----------
    simulated : SimulatedStudy
    folder : str or Path
        Created if it does not exist; files of the same names are overwritten.
    rng : int, Generator or None
        Draws the monitoring series; the interviews are drawn already.

    Examples
    --------
    >>> import tempfile
    >>> from sentinel.simulate import load_parameters, simulate_study
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     study = write_study(simulate_study(load_parameters(), rng=1), folder)
    ...     sorted(path.name for path in (study.parent / "data").iterdir())
    ['LATH2013.parquet', 'POI2009.csv', 'POI2010.xlsx', 'POI2012.sav']
    """
    from sentinel.schema.codebook import load_codebook

    target = Path(folder)
    for name in ("data", "mappings", "monitoring"):
        (target / name).mkdir(parents=True, exist_ok=True)
    codebook = load_codebook("deportee")
    for item in simulated.rounds:
        form = load_form(item.parameters.form)
        mapping = target / "mappings" / f"{item.label}.toml"
        mapping.write_text(form.text, encoding="utf-8", newline="\n")
        table = field_table(item, form, codebook)
        path = target / "data" / item.parameters.file
        write_table(table, path, _variables(table, form, codebook))
    for name, monitored in simulate_monitoring(rng=rng).items():
        path = target / "monitoring" / f"{name}.csv"
        monitored.to_csv(path, index=False, lineterminator="\n")
    truth = simulated.truth.round(_TRUTH_DIGITS)
    truth.to_csv(target / "truth.csv", index=False, lineterminator="\n")
    study = target / STUDY_FILE
    study.write_text(_study_text(simulated), encoding="utf-8", newline="\n")
    return study


def field_tables(simulated: SimulatedStudy) -> dict[str, pd.DataFrame]:
    """Return what `write_study` writes as raw files: tables of text by round label."""
    from sentinel.schema.codebook import load_codebook

    codebook = load_codebook("deportee")
    return {
        item.label: field_table(item, load_form(item.parameters.form), codebook)
        for item in simulated.rounds
    }


def _variables(
    table: pd.DataFrame, form: FieldForm, codebook: Codebook
) -> dict[str, Variable]:
    columns = form.section("columns")
    by_lower = {variable.name: variable for variable in codebook}
    plain = Variable(name="")
    return {
        name: by_lower.get(columns.get(name, name.lower()), plain)
        for name in table.columns.astype(str)
    }


def _study_text(simulated: SimulatedStudy) -> str:
    plan = (resources.files("sentinel.simulate") / "plan.toml").read_text("utf-8")
    tomllib.loads(plan)  # a broken plan must not be written into someone's folder
    rounds = "\n".join(_round_text(item) for item in simulated.rounds)
    return plan.replace("# ROUNDS\n", rounds)


def _round_text(item: SimulatedRound) -> str:
    chosen, truth = item.parameters, item.truth
    lines = [
        "[[rounds]]",
        f'label = "{item.label}"',
        f'name = "{chosen.name}"',
        f'files = ["data/{chosen.file}"]',
        f'mapping = "mappings/{item.label}.toml"',
        f"fieldwork_start = {chosen.fieldwork_start.isoformat()}",
        f"fieldwork_end = {chosen.fieldwork_end.isoformat()}",
        "",
        "[rounds.frame]",
        f"events = {truth.arrivals}",
        f"clusters = {truth.batches}",
        'source = "simulated: arrivals and batches of the fieldwork period"',
    ]
    if chosen.file.endswith(".xlsx"):
        lines.insert(4, 'sheet = "Interviews"')
    return "\n".join(lines) + "\n"

"""Turns simulated rounds into files as fieldwork leaves them, each in its own form.

A round's mapping file says how its columns and answers become those of the codebook.
Here the same file is read backwards, so that reading the files with it gives the
simulated table again.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.errors import InputError
from sentinel.schema.states import CellState
from sentinel.schema.variables import Variable

if TYPE_CHECKING:
    from sentinel.schema.codebook import Codebook
    from sentinel.simulate.draw import SimulatedRound

__all__ = ["FieldForm", "field_table", "load_form", "write_table"]

_SINGLE_COLUMN = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*(\S+)\s*")
_DATE_FORMATS = {"date": "%Y-%m-%d", "month": "%Y-%m"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldForm:
    """A mapping file and the tables in it."""

    text: str
    rules: Mapping[str, Any]

    def section(self, name: str) -> Mapping[str, Any]:
        """Return a section, empty where the file has none."""
        found: Mapping[str, Any] = self.rules.get(name, {})
        return found


def load_form(name: str) -> FieldForm:
    """Read a shipped form by its name, ``"POI2009"``."""
    file = resources.files("sentinel.simulate") / "forms" / f"{name}.toml"
    if not file.is_file():
        raise InputError(f"No shipped form is called {name!r}.")
    text = file.read_text("utf-8")
    return FieldForm(text=text, rules=tomllib.loads(text))


def field_table(
    simulated: SimulatedRound, form: FieldForm, codebook: Codebook
) -> pd.DataFrame:
    """Return a round's table in the columns and answers of its form, as text.

    Parameters
    ----------
    simulated : SimulatedRound
    form : FieldForm
    codebook : Codebook
        Says which codes stand for "refused" and "don't know" where the form does not.

    Returns
    -------
    DataFrame of str
        An empty cell is NA. Columns in the order of the form.
    """
    source_of = {
        variable: column for column, variable in form.section("columns").items()
    }
    left_out = {*form.section("constants"), *simulated.parameters.not_asked}
    raw: dict[str, pd.Series] = {}
    for name in simulated.frame.columns.astype(str):
        if name in left_out:
            continue
        texts = _answers(simulated, name, form, codebook[name])
        combined = form.section("combine").get(name)
        if combined is not None:
            raw.update(_spread(texts, combined))
            continue
        upper = name.upper() if form.rules.get("ignore_case") else name
        raw[source_of.get(name, upper)] = texts
    return pd.DataFrame(raw)


def write_table(
    table: pd.DataFrame, path: Path, codebook_of: Mapping[str, Variable]
) -> None:
    """Write a table of texts in the format that the file's ending says.

    Parameters
    ----------
    table : DataFrame of str
    path : Path
        Ending in .csv, .xlsx, .sav or .parquet.
    codebook_of : mapping of str to Variable
        Variable of each column, for labels and declared missings of an SPSS file.
    """
    writers = {
        ".csv": _write_csv,
        ".xlsx": _write_workbook,
        ".parquet": _write_parquet,
    }
    if path.suffix == ".sav":
        _write_sav(table, path, codebook_of)
    elif path.suffix in writers:
        writers[path.suffix](table, path)
    else:
        raise InputError(
            f"{path.name}: a file of a study ends in .sav, {', '.join(writers)}."
        )


def _answers(
    simulated: SimulatedRound, name: str, form: FieldForm, variable: Variable
) -> pd.Series:
    values = simulated.frame[name]
    states = simulated.states[name].to_numpy()
    units = form.section("units").get(name, {})
    if pd.api.types.is_datetime64_any_dtype(values):
        pattern = form.section("dates").get(name, _DATE_FORMATS[variable.kind])
        texts = values.dt.strftime(pattern).astype("str")
    elif pd.api.types.is_numeric_dtype(values):
        amounts = (values / units.get("factor", 1.0)).round(2)
        texts = amounts.map("{:.12g}".format, na_action="ignore").astype("str")
    else:
        texts = values.astype("str")
    recode = form.section("recode").get(name)
    if recode is not None:
        answer_of = {str(code): answer for answer, code in recode.items()}
        texts = texts.map(answer_of.get, na_action="ignore").astype("str")
    texts = texts.where(states == CellState.VALUE)
    for state in (CellState.DONT_KNOW, CellState.REFUSED):
        here = states == state
        if here.any():
            texts = texts.mask(here, _missing_code(form, variable, state))
    answers: pd.Series = texts
    return answers


def _missing_code(form: FieldForm, variable: Variable, state: CellState) -> str:
    """Return the code of a state: the variable's own, the form's, the codebook's."""
    wanted = state.name.lower()
    general = form.section("missing")
    for codes in (general.get(variable.name, {}), general):
        for code, meaning in codes.items():
            if meaning == wanted:
                return str(code)
    for code, meaning in variable.missing.items():
        if meaning == state:
            return code
    raise InputError(f"Nothing says how {variable.name} is written if {wanted}.")


def _spread(texts: pd.Series, combined: Mapping[str, str]) -> dict[str, pd.Series]:
    """Return one 0/1 column for each code of a multiple answer."""
    columns = {}
    chosen = texts.str.split(";")
    for code, condition in combined.items():
        found = _SINGLE_COLUMN.fullmatch(condition)
        if found is None:
            raise InputError(f"{condition!r} is not 'column=value'.")
        hit = chosen.map(lambda codes, code=code: code in codes, na_action="ignore")
        columns[found[1]] = hit.map({True: found[2], False: "0"}).astype("str")
    return columns


def _native(texts: pd.Series) -> pd.Series:
    """Return a column of numbers as numbers and of days as days, else as text."""
    known = texts.dropna()
    if known.empty:
        return texts
    if known.str.fullmatch(r"-?\d+").all():
        return texts.astype("Int64")
    if known.str.fullmatch(r"-?\d+(\.\d+)?").all():
        return texts.astype("Float64")
    if known.str.fullmatch(r"\d{4}-\d\d-\d\d").all():
        return pd.to_datetime(texts)
    return texts


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


def _write_parquet(table: pd.DataFrame, path: Path) -> None:
    table.apply(_native).to_parquet(path, index=False)


def _write_workbook(table: pd.DataFrame, path: Path) -> None:
    native = table.apply(_native)
    with pd.ExcelWriter(path, engine="openpyxl", datetime_format="yyyy-mm-dd") as book:
        native.to_excel(book, sheet_name="Interviews", index=False)


def _write_sav(
    table: pd.DataFrame, path: Path, codebook_of: Mapping[str, Variable]
) -> None:
    import pyreadstat

    plain: dict[str, Any] = {}
    labels: dict[str, dict[int | float, str]] = {}
    missing: dict[str, list[Any]] = {}
    for name in table.columns.astype(str):
        column, variable = _native(table[name]), codebook_of[name]
        if pd.api.types.is_datetime64_any_dtype(column):
            plain[name] = column.dt.date.astype(object).where(column.notna(), None)
        elif pd.api.types.is_numeric_dtype(column):
            plain[name] = column.astype("Float64").to_numpy(np.float64, na_value=np.nan)
            codes = {**variable.codes, **_state_labels(variable)}
            labels[name] = {float(code): text for code, text in codes.items()}
            missing[name] = [float(code) for code in variable.missing]
        else:
            plain[name] = column.astype(object).where(column.notna(), "")
    pyreadstat.write_sav(
        pd.DataFrame(plain),
        str(path),
        file_label="SIMULATED interviews, no person behind any row",
        row_compress=True,
        column_labels={name: codebook_of[name].label for name in plain},
        variable_value_labels={name: found for name, found in labels.items() if found},
        missing_ranges={name: found for name, found in missing.items() if found},
    )


def _state_labels(variable: Variable) -> dict[str, str]:
    return {
        code: state.name.lower().replace("dont", "don't").replace("_", " ")
        for code, state in variable.missing.items()
    }

"""Codebooks: shipped ones by name, a user's own from a CSV in the same grammar.

Columns of a codebook CSV, in any order; only ``name`` and ``kind`` must be there:

=========== ==========================================================================
name        lower-case identifier
kind        id, string, category, integer, number, date, month, multi or flag
label       what was asked
block       A to K, see `sentinel.schema.variables.BLOCKS`
record      what a row is: interview (default), case or call
codes       ``1=male;2=female`` or bare codes ``km;lo;my``; empty: any value
missing     ``8=refused;9=dont_know`` (also ``missing``, ``not_asked``)
low, high   lawful range, both ends included
unit        unit of a number
pattern     regular expression for a whole value
asked_if    skip expression, see `sentinel.schema.skip_logic`
derived     ingest, classify or weights: computed, not asked
release     release, coarsen, enclave (default) or never
use         what it serves
=========== ==========================================================================

The shipped codebook ``deportee`` is a UNIAP-style reconstruction from published report
topics, not the questionnaire of UNIAP, which could not be retrieved. Refused is 8 and
don't know is 9, as there; where 8 or 9 is an answer (numbers, long lists, multiple
answers) our addition is -8 and -9, and don't know of ``age`` is 98.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from sentinel.schema.codebook_rows import COLUMNS, read_variable
from sentinel.schema.identifiers import identifier_in_variable
from sentinel.schema.problems import Problem, Problems
from sentinel.schema.variables import Codebook, Variable

__all__ = [
    "SHIPPED_CODEBOOKS",
    "Codebook",
    "Variable",
    "load_codebook",
    "read_codebook",
    "shipped_codebook_text",
]

SHIPPED_CODEBOOKS = ("deportee",)


def load_codebook(name_or_path: str | Path) -> Codebook:
    """Return a shipped codebook by name, or a user's own from its CSV file.

    Raises
    ------
    IngestError
        With every problem of the file.

    Examples
    --------
    >>> load_codebook("deportee")["docs_held"].codes["7"]
    'had_none'
    """
    codebook, problems = read_codebook(name_or_path)
    problems.raise_errors()
    return codebook


def read_codebook(name_or_path: str | Path) -> tuple[Codebook, Problems]:
    """Return the readable part of a codebook and everything wrong with it."""
    text = str(name_or_path)
    if text in SHIPPED_CODEBOOKS:
        return _parse(shipped_codebook_text(text), name=text, file=f"{text}.csv")
    path = Path(name_or_path)
    problems = Problems()
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        hint = f"Give a CSV file or one of {', '.join(SHIPPED_CODEBOOKS)}."
        problems.add(
            Problem(file=path.name, expected="a codebook that exists", hint=hint)
        )
    except UnicodeDecodeError as error:
        problems.add(
            Problem(
                file=path.name,
                row=error.object[: error.start].count(b"\n") + 1,
                expected="text in UTF-8",
                hint="Save the codebook as CSV UTF-8.",
            )
        )
    except OSError as error:
        problems.add(
            Problem(
                file=path.name,
                expected="a codebook CSV that can be opened",
                hint=f"The system says: {error.strerror}.",
            )
        )
    else:
        return _parse(content, name=path.stem, file=path.name)
    return Codebook(name=path.stem, variables={}), problems


def shipped_codebook_text(name: str) -> str:
    """Return the CSV of a shipped codebook, for people who start from it."""
    source = resources.files("sentinel.schema") / f"{name}.csv"
    return source.read_text(encoding="utf-8")


def _parse(text: str, *, name: str, file: str) -> tuple[Codebook, Problems]:
    problems = Problems()
    variables: dict[str, Variable] = {}
    rows: dict[str, int] = {}
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="_more")
    problems.extend(_check_header(reader.fieldnames or (), file))
    if problems.errors:
        return Codebook(name=name, variables={}), problems
    for cells in reader:
        row = reader.line_num
        if "_more" in cells:
            problems.add(
                Problem(
                    file=file,
                    row=row,
                    expected=f"{len(reader.fieldnames or ())} cells",
                    hint='Put cells that hold commas into double quotes "".',
                )
            )
            continue
        variable = read_variable(
            {key: (value or "").strip() for key, value in cells.items()},
            file=file,
            row=row,
            problems=problems,
        )
        if variable is None:
            continue
        if variable.name in variables:
            problems.add(
                Problem(
                    file=file,
                    row=row,
                    column="name",
                    value=variable.name,
                    expected="every variable once",
                    hint="Remove or rename the second one.",
                )
            )
        found = identifier_in_variable(variable)
        if found:
            problems.add(
                Problem(
                    file=file,
                    row=row,
                    column="name",
                    value=variable.name,
                    expected="no direct identifiers in a codebook",
                    hint=f"It looks like {found}. Leave it out, or close its codes.",
                )
            )
        variables.setdefault(variable.name, variable)
        rows.setdefault(variable.name, row)
    codebook = Codebook(name=name, variables=variables)
    problems.extend(_check_references(codebook, rows, file))
    if not variables and not problems.errors:
        problems.add(Problem(file=file, expected="at least one variable"))
    return codebook, problems


def _check_header(found: Sequence[str], file: str) -> list[Problem]:
    problems = [
        Problem(
            file=file,
            row=1,
            column=wanted,
            expected=f"a column {wanted!r}",
            hint=f"Columns of a codebook: {', '.join(COLUMNS)}.",
        )
        for wanted in ("name", "kind")
        if wanted not in found
    ]
    problems += [
        Problem(
            file=file,
            row=1,
            column=column,
            expected=f"one of {', '.join(COLUMNS)}",
            hint="Correct or remove the column.",
        )
        for column in found
        if column not in COLUMNS
    ]
    if len(set(found)) < len(found):
        problems.append(Problem(file=file, row=1, expected="every column once"))
    return problems


def _check_references(
    codebook: Codebook, rows: dict[str, int], file: str
) -> list[Problem]:
    problems = []
    for variable in codebook:
        if variable.asked_if is None:
            continue
        for comparison in variable.asked_if.comparisons:
            gate = codebook.get(comparison.variable)
            if gate is None:
                expected = f"variables of this codebook, not {comparison.variable!r}"
            elif (
                gate.codes
                and set(comparison.values) - set(gate.codes)
                and (re.fullmatch(r"!?=", comparison.sign))
            ):
                expected = f"codes of {gate.name}: {gate.expected()}"
            else:
                continue
            problems.append(
                Problem(
                    file=file,
                    row=rows[variable.name],
                    column="asked_if",
                    value=f"{variable.name}: {variable.asked_if}",
                    expected=expected,
                    hint="Correct the skip expression.",
                )
            )
    return problems

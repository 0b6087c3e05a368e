"""Everything wrong with what a study asks for, before anything is computed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from estimators.errors import InputError
from estimators.registry import find_estimator
from sentinel.analysis.design import EVENT_WEIGHT, PERSON_WEIGHT
from sentinel.analysis.estimates import survey_estimator, unknown_options
from sentinel.analysis.models import formula_variables
from sentinel.analysis.selection import variables_named
from sentinel.classify import load_definition
from sentinel.schema.codebook import SHIPPED_CODEBOOKS, load_codebook
from sentinel.schema.problems import IngestError, Problem, Problems
from sentinel.study.loading import read_toml

if TYPE_CHECKING:
    from sentinel.classify import Definition
    from sentinel.schema.codebook import Codebook
    from sentinel.study.config import StudyConfig
    from sentinel.study.toml_lines import TomlLines

__all__ = ["check_plan"]

Key = tuple[str | int, ...]
ALWAYS_THERE = frozenset({"round_id", "age_grp", "d_tier", EVENT_WEIGHT, PERSON_WEIGHT})


def check_plan(config: StudyConfig, path: str | Path) -> Problems:
    """Return every problem of a study's definition, estimates and models.

    Parameters
    ----------
    config : StudyConfig
        Already loaded.
    path : path
        The study file it came from, for the line numbers.
    """
    problems = Problems()
    file = Path(path)
    file = file / "study.toml" if file.is_dir() else file
    _, lines = read_toml(file, Problems(), what="a study file")
    name = config.study.codebook
    codebook = load_codebook(name if name in SHIPPED_CODEBOOKS else config.path(name))
    definition = _definition(config, codebook, problems)
    outcomes = {"d_tier"} if definition is None else {*definition.outcome_names}
    if definition is not None:
        problems.extend(_check_classify(config, definition, file, lines))
    known = {item.name for item in codebook} | outcomes | ALWAYS_THERE
    for key, names in _columns(config, file, lines, problems):
        secret = [item for item in names if _is_secret(codebook, item)]
        if secret:
            problems.add(
                _problem(
                    file,
                    lines,
                    key,
                    value=", ".join(secret),
                    expected="variables that may leave the enclave",
                    hint="The codebook says of them: never to be released.",
                )
            )
        missing = [item for item in names if item not in known]
        if missing and definition is not None:
            problems.add(
                _problem(
                    file,
                    lines,
                    key,
                    value=", ".join(missing),
                    expected="variables of the codebook or outcomes of the definition",
                )
            )
    return problems


def _is_secret(codebook: Codebook, name: str) -> bool:
    variable = codebook.get(name)
    return variable is not None and variable.release == "never"


def _definition(
    config: StudyConfig, codebook: Codebook, problems: Problems
) -> Definition | None:
    name = config.classify.definition
    try:
        return load_definition(
            config.path(name) if name.endswith(".toml") else name,
            codebook=codebook,
            switch_on=config.classify.switch_on,
        )
    except IngestError as error:
        problems.extend(error.problems)
    except InputError as error:
        problems.add(Problem(file="study.toml", column="classify", hint=str(error)))
    return None


def _check_classify(
    config: StudyConfig, definition: Definition, file: Path, lines: TomlLines
) -> Iterator[Problem]:
    section = config.classify
    if section.outcome not in definition.outcome_names:
        yield _problem(
            file,
            lines,
            ("classify", "outcome"),
            value=section.outcome,
            expected=f"one of {', '.join(definition.outcome_names)}",
        )
    if section.setting not in definition.settings:
        yield _problem(
            file,
            lines,
            ("classify", "setting"),
            value=section.setting,
            expected=f"one of {', '.join(definition.settings)}",
        )


def _columns(
    config: StudyConfig, file: Path, lines: TomlLines, problems: Problems
) -> Iterator[tuple[Key, tuple[str, ...]]]:
    """Yield what each key of the plan names; note what cannot be read."""
    for number, estimate in enumerate(config.estimates):
        key: Key = ("estimates", number)
        try:
            unknown_options(survey_estimator(estimate.key), estimate)
        except InputError as error:
            problems.add(_problem(file, lines, (*key, "key"), hint=str(error)))
        yield (*key, "by"), estimate.by
        if estimate.variable is not None:
            yield (*key, "variable"), (estimate.variable,)
        yield from _condition((*key, "where"), estimate.where, file, lines, problems)
    for number, model in enumerate(config.models):
        key = ("models", number)
        try:
            find_estimator(model.key)
        except InputError as error:
            problems.add(_problem(file, lines, (*key, "key"), hint=str(error)))
        try:
            yield (*key, "formula"), tuple(sorted(formula_variables(model.formula)))
        except InputError as error:
            problems.add(_problem(file, lines, (*key, "formula"), hint=str(error)))
        yield from _condition((*key, "where"), model.where, file, lines, problems)


def _condition(
    key: Key, text: str | None, file: Path, lines: TomlLines, problems: Problems
) -> Iterator[tuple[Key, tuple[str, ...]]]:
    if text is None:
        return
    try:
        yield key, variables_named(text)
    except InputError as error:
        problems.add(_problem(file, lines, key, value=text, hint=str(error)))


def _problem(
    file: Path,
    lines: TomlLines,
    key: Key,
    *,
    value: str = "",
    expected: str = "",
    hint: str = "",
) -> Problem:
    from sentinel.study.toml_lines import shown_key

    return Problem(
        file=file.name,
        row=lines.find(key),
        column=shown_key(key),
        value=value,
        expected=expected,
        hint=hint,
    )

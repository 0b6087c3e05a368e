"""Several versions of one form in one round: read together, judged each by its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from sentinel.ingest.forms.definition import Choice, FormDefinition, Question
from sentinel.schema.problems import Problem, Problems

__all__ = ["RoundForms", "join_versions"]

BoolVector = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoundForms:
    """The forms of a round.

    Attributes
    ----------
    reading : FormDefinition
        Questions and choices of all versions: what an export may hold.
    agreed : FormDefinition
        `reading` with the conditions on which all versions agree; it judges rows of
        which no version is known.
    by_version : mapping of str to FormDefinition
    problems : Problems
        Of the single forms, and what changed between them.
    """

    reading: FormDefinition
    agreed: FormDefinition
    by_version: Mapping[str, FormDefinition]
    problems: Problems

    def judges(
        self, versions: pd.Series
    ) -> Iterator[tuple[FormDefinition, BoolVector]]:
        """Yield each form with the rows, shape (n,), that it judges."""
        rest = np.ones(len(versions), np.bool_)
        if len(self.by_version) > 1:
            for version, form in self.by_version.items():
                mine = (versions == version).to_numpy(np.bool_)
                rest &= ~mine
                if mine.any():
                    yield form, mine
        if rest.any():
            yield self.agreed, rest

    def check_versions(
        self, versions: pd.Series, *, file: str, column: str
    ) -> Problems:
        """List versions in an export that no form of the round has."""
        counts = Counter(versions)
        counts.pop("", None)
        known = set(self.by_version)
        strange = {name: n for name, n in counts.items() if name not in known}
        problems = Problems()
        # One form and one version in the data: they belong together, whatever a server
        # calls the version.
        if strange and (len(counts) > 1 or (len(known) > 1)):
            listed = ", ".join(f"{name} ({n})" for name, n in sorted(strange.items()))
            problems.add(
                Problem(
                    severity="warning",
                    file=file,
                    row=1,
                    column=column,
                    expected="versions of the forms named in the study: "
                    + (", ".join(sorted(known)) or "none is written in a form"),
                    hint=f"Rows of other versions: {listed}. They are judged only by "
                    "what all forms agree on; name every version under form.",
                )
            )
        return problems


def join_versions(forms: Sequence[FormDefinition]) -> RoundForms:
    """Return the forms of a round, oldest first, as one.

    Examples
    --------
    >>> from sentinel.ingest.forms import deportee_form
    >>> joined = join_versions([deportee_form()])
    >>> joined.reading is joined.agreed
    True
    """
    problems = Problems(item for form in forms for item in form.problems)
    newest = forms[-1]
    by_version = {form.version: form for form in forms if form.version}
    if len(forms) == 1:
        return RoundForms(
            reading=newest, agreed=newest, by_version=by_version, problems=problems
        )
    if len(by_version) < len(forms):
        problems.add(
            Problem(
                file=newest.file,
                column="settings.version",
                expected="a version of its own in each form of a round",
                hint="Without it nobody can tell which row was asked by which form.",
            )
        )
    united: dict[str, Question] = {}
    agreed: dict[str, Question] = {}
    for form in forms:
        for question in form.questions:
            earlier = united.get(question.path)
            if earlier is None:
                united[question.path] = agreed[question.path] = question
                continue
            problems.extend(_changes(earlier, question, form))
            united[question.path] = _united(earlier, question)
            agreed[question.path] = _agreed(agreed[question.path], question)
    reading = replace(
        newest,
        languages=tuple(dict.fromkeys(x for form in forms for x in form.languages)),
        questions=tuple(united.values()),
        repeats=tuple(dict.fromkeys(x for form in forms for x in form.repeats)),
    )
    judged = tuple(
        replace(agreed[path], choices=question.choices)
        for path, question in united.items()
    )
    return RoundForms(
        reading=reading,
        agreed=replace(reading, questions=judged),
        by_version=by_version,
        problems=problems,
    )


def _united(earlier: Question, later: Question) -> Question:
    choices: dict[str, Choice] = {item.name: item for item in earlier.choices}
    for choice in later.choices:
        known = choices.get(choice.name, choice)
        choices[choice.name] = replace(choice, labels={**known.labels, **choice.labels})
    return replace(
        later,
        choices=tuple(choices.values()),
        labels={**earlier.labels, **later.labels},
    )


def _agreed(earlier: Question, later: Question) -> Question:
    """Return a question whose conditions are those that both versions have."""

    def same(first: str, second: str) -> str:
        return first if first == second else ""

    return replace(
        later,
        relevant=same(earlier.relevant, later.relevant),
        constraint=same(earlier.constraint, later.constraint),
        required=same(earlier.required, later.required),
        calculation=same(earlier.calculation, later.calculation),
        is_recomputed=earlier.is_recomputed and later.is_recomputed,
        choice_filter=same(earlier.choice_filter, later.choice_filter)
        if earlier.listed == later.listed
        else "",
    )


def _changes(
    earlier: Question, later: Question, form: FormDefinition
) -> Iterator[Problem]:
    if earlier.kind != later.kind:
        yield _change(
            form,
            later,
            "type",
            f"the type of the earlier version, {earlier.kind}",
            "Answers of both are read as the newer type says.",
        )
    labels = {item.name: item.labels for item in earlier.choices}
    for choice in later.choices:
        before = labels.get(choice.name, choice.labels)
        shared = [key for key in choice.labels if key in before]
        if any(choice.labels[key] != before[key] for key in shared):
            yield _change(
                form,
                later,
                "choices",
                f"one meaning of the code {choice.name!r} in all versions",
                f"It was {before[shared[0]]!r} and is {choice.labels[shared[0]]!r}: "
                "if that is another answer, give each version a round and mapping of "
                "its own.",
            )


def _change(
    form: FormDefinition, question: Question, column: str, expected: str, hint: str
) -> Problem:
    return Problem(
        severity="warning",
        file=form.file,
        row=question.row,
        column=f"{question.name}.{column}",
        expected=expected,
        hint=hint,
    )

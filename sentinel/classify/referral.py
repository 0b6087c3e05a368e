"""Who may be in immediate danger: a list for the field supervisor, never a release.

Referral flags are apart from everything else on purpose. They are read from a file of
their own, never enter a classification, an estimate or a report, and their result is a
type that no writer of released files accepts.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from estimators.errors import InputError
from sentinel.classify.answers import Answers
from sentinel.classify.codebook_checks import check_condition
from sentinel.classify.definition_lines import line_of, without_repeats
from sentinel.classify.definitions import variables_of
from sentinel.classify.expressions import ExpressionError, parse_expression
from sentinel.classify.three_valued import NO, UNKNOWN, YES, evaluate
from sentinel.schema.problems import Problem, Problems
from sentinel.schema.states import CellState

if TYPE_CHECKING:
    from sentinel.classify.apply import InterviewTable
    from sentinel.classify.syntax_tree import Condition
    from sentinel.schema.variables import Codebook

__all__ = [
    "ReferralFlag",
    "ReferralFlags",
    "ReferralList",
    "load_referral_flags",
    "referral_list",
]

WHERE_TO_FIND = ("rec_id", "round_id", "site_code", "int_date", "truck_seq")
URGENCIES = ("now", "today")
MAY_SHARE = "consent_share"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Head(_Section):
    name: str = Field(min_length=1)
    codebook: str = "deportee"
    handled: str = ""


class _Entry(_Section):
    label: str = Field(min_length=1)
    urgency: Literal["now", "today"]
    action: str = Field(min_length=1)
    when: str = ""
    off: str = ""


class _File(_Section):
    referral: _Head
    flags: dict[str, _Entry] = Field(min_length=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralFlag:
    """One danger: what it is, how soon, what to do; `off`: why it is not looked for."""

    code: str
    label: str
    urgency: str
    action: str
    condition: Condition | None
    off: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralFlags:
    """All dangers that are looked for, and when a person counts as cared for."""

    name: str
    flags: tuple[ReferralFlag, ...]
    handled: Condition | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReferralList:
    """Persons who may be in danger; for the supervisor in the field, never for release.

    Attributes
    ----------
    frame : DataFrame
        One row per person: ``rec_id, round_id, site_code, int_date, truck_seq`` as far
        as they are known, ``urgency``, ``flags``, ``dangers``, ``actions``,
        ``may_share`` (agreed to be named to a service: yes, no, ask) and ``status``
        (open, handled). Open and urgent ones first.
    not_looked_for : mapping of str to str
        Flag and the reason: switched off, or its questions were not asked.
    undecided : mapping of str to int
        Flag and how many persons' answers leave it open: ask again.
    not_asked : mapping of str to str
        Flag and of how many persons, in which rounds, its questions were not asked.
        They are not known to be safe.
    """

    frame: pd.DataFrame = field(repr=False)
    not_looked_for: Mapping[str, str]
    undecided: Mapping[str, int]
    not_asked: Mapping[str, str] = field(default_factory=dict)

    @property
    def n_open(self) -> int:
        """Persons who are not cared for yet."""
        return int((self.frame["status"] == "open").sum())

    def summary(self) -> str:
        """Say how much is open and what could not be looked for."""
        lines = [
            f"{len(self.frame)} persons flagged, {self.n_open} of them not handled yet."
        ]
        lines += [
            f"undecided, ask again: {code} of {count} persons"
            for code, count in self.undecided.items()
            if count
        ]
        lines += [
            f"not asked, which does not mean safe: {code} of {whom}"
            for code, whom in self.not_asked.items()
        ]
        lines += [
            f"not looked for: {code}: {reason}"
            for code, reason in self.not_looked_for.items()
        ]
        return "\n".join(lines)


def load_referral_flags(
    name_or_path: str | Path = "deportee", *, codebook: Codebook | None = None
) -> ReferralFlags:
    """Read referral flags, shipped or from a TOML file, and check them.

    Raises
    ------
    InputError
        If there is no such file.
    IngestError
        Listing every problem with its line.

    Examples
    --------
    >>> flags = load_referral_flags()
    >>> [flag.code for flag in flags.flags][:3], flags.flags[0].urgency
    (['MINOR_ALONE', 'MINOR', 'INJURED'], 'now')
    """
    folder = resources.files("sentinel.classify") / "shipped" / "referral"
    shipped = {Path(item.name).stem: item for item in folder.iterdir()}
    if str(name_or_path) in shipped:
        text = shipped[str(name_or_path)].read_text("utf-8")
        return _read(f"{name_or_path}.toml", text, codebook)
    path = Path(name_or_path)
    if not path.is_file():
        raise InputError(
            f"{name_or_path!s} is neither a file nor shipped; shipped referral flags "
            f"are {', '.join(sorted(shipped))}."
        )
    return _read(path.name, path.read_text("utf-8-sig"), codebook)


def referral_list(interviews: InterviewTable, flags: ReferralFlags) -> ReferralList:
    """List the persons for whom a flag is up.

    Parameters
    ----------
    interviews : Interviews
    flags : ReferralFlags

    Returns
    -------
    ReferralList

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> frame = pd.DataFrame({"rec_id": ["a", "b"], "distress": ["2", "0"]})
    >>> states = pd.DataFrame(0, index=frame.index, columns=frame.columns)
    >>> interviews = SimpleNamespace(frame=frame, states=states)
    >>> found = referral_list(interviews, load_referral_flags())
    >>> found.frame[["rec_id", "flags", "status"]].values.tolist()
    [['a', 'DISTRESS', 'open']]
    """
    frame = interviews.frame
    answers = Answers(frame, interviews.states)
    skipped: dict[str, str] = {}
    undecided: dict[str, int] = {}
    not_asked: dict[str, str] = {}
    up: dict[str, np.ndarray[tuple[int], np.dtype[np.bool_]]] = {}
    for flag in flags.flags:
        if flag.condition is None:
            skipped[flag.code] = flag.off
            continue
        gone = [name for name in variables_of(flag.condition) if name not in frame]
        if gone:
            skipped[flag.code] = f"not asked: {', '.join(gone)}"
            continue
        truth = evaluate(flag.condition, answers)
        unasked = (truth == UNKNOWN) & _unasked(interviews, flag.condition)
        if len(truth) and (truth == UNKNOWN).all():
            never = ", ".join(variables_of(flag.condition))
            skipped[flag.code] = (
                f"not asked: {never}"
                if unasked.all()
                else "nobody's answers decide it; were they asked?"
            )
            continue
        up[flag.code] = truth == YES
        undecided[flag.code] = int(((truth == UNKNOWN) & ~unasked).sum())
        if unasked.any():
            not_asked[flag.code] = _whom(frame, unasked)
    handled = np.full(len(frame), NO)
    if flags.handled and all(name in frame for name in variables_of(flags.handled)):
        handled = evaluate(flags.handled, answers)
    used = [flag for flag in flags.flags if flag.code in up]
    rows = [
        _row(frame, place, [flag for flag in used if up[flag.code][place]], handled)
        for place in _places(list(up.values()))
    ]
    return ReferralList(
        frame=_sorted(rows, [name for name in WHERE_TO_FIND if name in frame]),
        not_looked_for=skipped,
        undecided=undecided,
        not_asked=not_asked,
    )


def _unasked(
    interviews: InterviewTable, condition: Condition
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return of whom a question that decides a flag was not asked."""
    states = interviews.states[list(variables_of(condition))]
    return np.asarray((states == CellState.NOT_ASKED).any(axis=1), np.bool_)


def _whom(
    frame: pd.DataFrame, where: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> str:
    whom = f"{int(where.sum())} persons"
    if "round_id" not in frame:
        return whom
    rounds = dict.fromkeys(frame.loc[where, "round_id"].astype("str"))
    return f"{whom} (round {', '.join(rounds)})"


def _plain(value: object) -> object:
    """Return a date without its midnight and a whole number without its point."""
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _places(flags: list[np.ndarray[tuple[int], np.dtype[np.bool_]]]) -> list[int]:
    """Return the rows for which any flag is up."""
    if not flags:
        return []
    return [int(place) for place in np.flatnonzero(np.any(flags, axis=0))]


def _row(
    frame: pd.DataFrame,
    place: int,
    flags: list[ReferralFlag],
    handled: np.ndarray[tuple[int], np.dtype[np.int8]],
) -> dict[str, object]:
    where = {
        name: _plain(frame[name].iloc[place]) for name in WHERE_TO_FIND if name in frame
    }
    share = frame[MAY_SHARE].iloc[place] if MAY_SHARE in frame else None
    return {
        **where,
        "urgency": min((flag.urgency for flag in flags), key=URGENCIES.index),
        "flags": ";".join(flag.code for flag in flags),
        "dangers": "; ".join(flag.label for flag in flags),
        "actions": "; ".join(dict.fromkeys(flag.action for flag in flags)),
        "may_share": {"1": "yes", "0": "no"}.get(str(share), "ask"),
        "status": "handled" if handled[place] == YES else "open",
    }


def _sorted(rows: list[dict[str, object]], where: list[str]) -> pd.DataFrame:
    columns = [*where, "urgency", "flags", "dangers", "actions", "may_share", "status"]
    frame = pd.DataFrame(rows, columns=columns)
    order = frame.assign(
        status=frame["status"] != "open", urgency=frame["urgency"] != "now"
    )
    keys = ["status", "urgency", *(name for name in ("int_date",) if name in where)]
    places = order.sort_values(keys, kind="stable").index
    return frame.loc[places].reset_index(drop=True)


def _read(file: str, text: str, codebook: Codebook | None) -> ReferralFlags:
    problems = Problems()

    def note(section: str, name: str, expected: str) -> None:
        problems.add(
            Problem(
                file=file,
                row=line_of(text, section, name),
                column=f"{section}.{name}" if name else section,
                expected=expected,
            )
        )

    content = _validated(file, text, problems, note)
    if codebook is None:
        from sentinel.schema.codebook import load_codebook

        codebook = load_codebook(content.referral.codebook)

    def condition(section: str, name: str, written: str) -> Condition | None:
        try:
            tree = parse_expression(written)
        except ExpressionError as error:
            note(section, name, f"a readable expression: {error}")
            return None
        for expected in check_condition(tree, codebook):
            note(section, name, expected)
        return tree

    flags = []
    for code, entry in content.flags.items():
        if bool(entry.when) == bool(entry.off):
            note("flags", code, "either a condition (when) or why there is none (off)")
        tree = condition("flags", code, entry.when) if entry.when else None
        flags.append(
            ReferralFlag(
                code=code,
                label=entry.label,
                urgency=entry.urgency,
                action=entry.action,
                condition=tree,
                off=entry.off,
            )
        )
    text_handled = content.referral.handled
    handled = condition("referral", "handled", text_handled) if text_handled else None
    problems.raise_errors()
    return ReferralFlags(
        name=content.referral.name, flags=tuple(flags), handled=handled
    )


def _validated(file: str, text: str, problems: Problems, note: Any) -> _File:  # noqa: ANN401
    cleaned, repeats = without_repeats(text)
    for repeat in repeats:
        problems.add(
            Problem(
                file=file,
                row=repeat.line,
                column=repeat.name,
                expected=f"a name of its own; line {repeat.first_line} has it",
            )
        )
    try:
        return _File.model_validate(tomllib.loads(cleaned))
    except tomllib.TOMLDecodeError as error:
        problems.add(Problem(file=file, hint=f"Not valid TOML: {error}."))
    except ValidationError as error:
        for item in error.errors():
            section, name, *rest = (*map(str, item["loc"]), "", "")
            note(
                section, name, f"{item['msg']} ({rest[0]})" if rest[0] else item["msg"]
            )
    problems.raise_errors()
    raise AssertionError("unreachable: problems were noted")

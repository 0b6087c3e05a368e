"""Cells of closed questions as codes: labels translated, multiple answers in one cell.

Traps of the tools that are handled here:

* ODK Central writes 0 in every split column of a multiple question, also where it was
  never asked: only the summary column tells, the split columns are not read.
* KoboToolbox leaves the split columns of a question that was not asked blank, and
  writes 0 where it was asked and nothing was ticked: `NOTHING_CHOSEN`.
* Texts of choices hold spaces: a summary column of texts cannot be taken apart.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sentinel.ingest.exports.columns import ColumnMatch
from sentinel.ingest.findings import add_rows
from sentinel.ingest.forms.definition import Question
from sentinel.ingest.submissions import NOTHING_CHOSEN, Tool
from sentinel.schema.problems import Problem, Problems

__all__ = ["Place", "coded_answers"]

_CHOSEN = frozenset({"1", "1.0", "true", "TRUE", "True"})
_NOT_CHOSEN = frozenset({"0", "0.0", "false", "FALSE", "False"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Place:
    """Where findings are listed, and which tool's habits the file has."""

    label: str
    rows: npt.NDArray[np.int64]
    problems: Problems
    tool: Tool | None

    def tell(self, column: str, expected: str, hint: str, *, error: bool) -> None:
        """Add one finding about a column."""
        self.problems.add(
            Problem(
                severity="error" if error else "warning",
                file=self.label,
                row=1,
                column=column,
                expected=expected,
                hint=hint,
            )
        )


def coded_answers(
    frame: pd.DataFrame, match: ColumnMatch, place: Place
) -> pd.Series | None:
    """Return the answers to one question as codes, or None where they cannot be had.

    Several codes stand with one space between them, as the form stores them.
    """
    question = match.question
    if not question.is_closed or (match.whole is None and not match.splits):
        return None if match.whole is None else frame[match.whole]
    if not question.is_multiple:
        assert match.whole is not None
        return _one_code(frame[match.whole], question)
    if match.whole is None:
        return _from_splits(frame, match, place)
    return _several_codes(frame, match, place)


def _one_code(texts: pd.Series, question: Question) -> pd.Series:
    """Translate texts of choices, unless the column holds codes."""
    distinct = [text for text in pd.unique(texts) if text]
    codes = set(question.codes)
    if all(_plain(text) in codes for text in distinct):
        return _mapped(texts, _plain)
    by_text = _code_of_text(question)
    return _mapped(
        texts, lambda text: text if text in codes else by_text.get(text, text)
    )


def _plain(text: str) -> str:
    """Return a code as the form has it: spreadsheets add ".0" to whole numbers."""
    return text.removesuffix(".0") if text.replace(".0", "", 1).isdigit() else text


def _code_of_text(question: Question) -> dict[str, str]:
    pairs = {
        (text, choice.name)
        # A code of a filtered list may have another text in each of its lines.
        for choice in (*question.choices, *question.listed)
        for text in choice.labels.values()
        if text
    }
    counts = Counter(text for text, _ in pairs)
    return {text: code for text, code in pairs if counts[text] == 1}


def _mapped(texts: pd.Series, change: Callable[[str], str]) -> pd.Series:
    places, distinct = pd.factorize(texts)
    changed = pd.Series([change(str(text)) for text in distinct], dtype="str")
    return pd.Series(changed.array.take(places), index=texts.index)


def _several_codes(
    frame: pd.DataFrame, match: ColumnMatch, place: Place
) -> pd.Series | None:
    assert match.whole is not None
    question, summary = match.question, frame[match.whole]
    codes, by_text = set(question.codes), _code_of_text(question)
    foreign = [
        text
        for text in pd.unique(summary)
        if text and not all(_plain(word) in codes for word in text.split())
    ]
    if foreign and any(_made_of_texts(text, by_text) for text in foreign):
        if match.splits and place.tool != "odk":
            return _from_splits(frame, match, place)
        place.tell(
            match.whole,
            "codes of the form with spaces between them",
            "The column holds the texts of the answers, and where one ends and the "
            "next begins cannot be known. Export again with XML values (codes) instead "
            "of labels"
            + ("." if place.tool == "odk" else ", or with a column for each choice."),
            error=True,
        )
        return None
    if foreign:
        place.tell(
            match.whole,
            f"codes among {', '.join(question.codes[:12])}",
            f"{len(foreign)} different answers hold other codes: of another version of "
            "the form? Name every version under form.",
            error=False,
        )
    answers = _mapped(summary, lambda text: " ".join(map(_plain, text.split())))
    if match.splits and place.tool != "odk":
        return _with_splits(frame, match, answers, place)
    return answers


def _made_of_texts(answer: str, by_text: dict[str, str]) -> bool:
    """Whether an answer is put together of texts of choices."""
    return any(
        answer == text or answer.startswith(f"{text} ") or answer.endswith(f" {text}")
        for text in by_text
    )


def _ticked(
    frame: pd.DataFrame, match: ColumnMatch
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return where each choice is ticked, and where any split cell is filled."""
    ticked = {
        code: frame[column].isin(_CHOSEN).to_numpy(np.bool_)
        for code, column in match.splits.items()
    }
    filled = np.logical_or.reduce(
        [
            frame[column].isin(_CHOSEN | _NOT_CHOSEN).to_numpy(np.bool_)
            for column in match.splits.values()
        ]
    )
    return ticked, filled


def _from_splits(
    frame: pd.DataFrame, match: ColumnMatch, place: Place
) -> pd.Series | None:
    strange = sorted(
        column
        for column in match.splits.values()
        if not frame[column].isin([*_CHOSEN, *_NOT_CHOSEN, ""]).all()
    )
    if strange:
        expected = "1, 0 or nothing in the columns of single choices"
        place.tell(strange[0], expected, "Export again with XML values.", error=True)
        return None
    ticked, filled = _ticked(frame, match)
    answers = _joined(ticked, len(frame))
    some = (answers != "").to_numpy(np.bool_)
    if place.tool == "odk":
        zeros = int((filled & ~some).sum())
        if zeros:
            place.tell(
                next(iter(match.splits.values())),
                f"the column {match.question.name} itself beside its split columns",
                f"In {zeros} rows all choices are 0, which ODK Central also writes for "
                "a question that was never asked: taken as no answer. Download again "
                "with the whole column.",
                error=False,
            )
        return answers
    return answers.where(some | ~filled, NOTHING_CHOSEN)


def _joined(ticked: dict[str, np.ndarray], n: int) -> pd.Series:
    texts = np.full(n, "", dtype=object)
    for code, where in ticked.items():
        texts[where] += f"{code} "
    return pd.Series([text.strip() for text in texts], dtype="str")


def _with_splits(
    frame: pd.DataFrame, match: ColumnMatch, answers: pd.Series, place: Place
) -> pd.Series:
    """Check the summary by the split columns and tell "nothing" from "not asked"."""
    ticked, filled = _ticked(frame, match)
    empty = (answers == "").to_numpy(np.bool_)
    differs = np.zeros(len(frame), np.bool_)
    for code, where in ticked.items():
        pattern = rf"(?:^| ){re.escape(code)}(?: |$)"
        differs |= answers.str.contains(pattern, regex=True).to_numpy(np.bool_) != where
    differs &= filled
    add_rows(
        place.problems,
        [(int(row), "") for row in place.rows[differs]],
        file=place.label,
        column=match.whole or "",
        expected="the same answers as in the columns of its choices",
        hint="The summary column was read; look at the form.",
        severity="warning",
    )
    return answers.where(~(empty & filled & ~differs), NOTHING_CHOSEN)

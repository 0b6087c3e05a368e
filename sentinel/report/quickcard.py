"""A screening tool as a card: one printed page that works without a screen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.diagnostics import ScreeningTool

__all__ = [
    "CardLanguage",
    "QuickCard",
    "english",
    "make_quickcard",
    "render",
    "write_quickcard",
]

Paper = Literal["A5", "A6"]
# Millimetres of paper, and the type sizes (in points) that are tried, largest first.
_PAPERS = {"A5": (148.0, 210.0), "A6": (105.0, 148.0)}
_SIZES = {"A5": (20.0, 18.0, 16.0, 14.0, 12.0), "A6": (14.0, 13.0, 12.0, 11.0, 10.0)}
_MARGIN = 7.0
_MOST = 8
_MINIMUM_CELL = 11
_MILLIMETRES = 25.4 / 72
_RIGHT_TO_LEFT = {"ar", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CardLanguage:
    """The words of one language; what is empty is printed as a line to write on.

    Attributes
    ----------
    code : str
        BCP 47 tag, ``km``; decides direction and hyphenation.
    name : str
        Name of the language in itself.
    questions : mapping of str to str
        Item of the tool to its question.
    heading, before, act, otherwise : str
        Heading of the card; what to say before; what to do at the threshold, with
        ``{threshold}`` where the number goes; what to do below it.
    """

    code: str
    name: str
    questions: Mapping[str, str] = field(default_factory=dict)
    heading: str = ""
    before: str = ""
    act: str = ""
    otherwise: str = ""

    @property
    def direction(self) -> str:
        """Return "rtl" for scripts that run from right to left, else "ltr"."""
        return "rtl" if self.code.split("-")[0].lower() in _RIGHT_TO_LEFT else "ltr"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickCard:
    """What the card shows.

    Attributes
    ----------
    items : tuple of str
    points : tuple of int
    threshold : int
    languages : tuple of CardLanguage
        The first in large type, the others below each question.
    contact : str
        Whom to call; a line to write on if empty.
    accuracy : str
        A sentence on what the card finds and misses, empty if the sample was small.
    paper : {"A5", "A6"}
    type_size : float
        Points of the questions' type.
    """

    items: tuple[str, ...]
    points: tuple[int, ...]
    threshold: int
    languages: tuple[CardLanguage, ...]
    contact: str
    accuracy: str
    paper: Paper
    type_size: float


def english(questions: Mapping[str, str], *, points: bool = False) -> CardLanguage:
    """Return English questions with the card's standing words.

    With `points` the threshold is one of points, otherwise of ticks.
    """
    return CardLanguage(
        code="en",
        name="English",
        questions=questions,
        heading="Ask in private",
        before="Out of hearing of others. Answering is voluntary. Tick every yes. "
        "Write no name.",
        act="{threshold} "
        + ("points" if points else "ticks")
        + " or more: confront nobody. Call now:",
        otherwise="Fewer is no proof that all is well. Call about anyone in danger "
        "and every child alone.",
    )


def make_quickcard(
    tool: ScreeningTool,
    languages: Sequence[CardLanguage] | Mapping[str, str],
    *,
    contact: str = "",
    paper: Paper = "A6",
) -> QuickCard:
    """Lay a screening tool out on a card.

    Parameters
    ----------
    tool : ScreeningTool
    languages : sequence of CardLanguage, or mapping of str to str
        One to three; a mapping of items to English questions stands for English alone.
        The first needs a question for every item; the others may leave lines to fill.
    contact : str
        Telephone or name of the referral contact.
    paper : {"A5", "A6"}

    Returns
    -------
    QuickCard
        In the largest type that fits one page.

    Raises
    ------
    InputError
        If a question of the first language is missing, a question belongs to no item,
        or the text does not fit the page in the smallest type.

    Examples
    --------
    >>> import pandas as pd
    >>> from estimators.diagnostics import build_screening_tool
    >>> items = pd.DataFrame({"locked_in": [1] * 20 + [0] * 40, "moved": [0, 1] * 30})
    >>> tool = build_screening_tool(items, [1] * 20 + [0] * 40, rng=1)
    >>> card = make_quickcard(tool, {"locked_in": "Could you leave your workplace?"})
    >>> card.threshold, card.type_size
    (1, 14.0)
    """
    if paper not in _PAPERS:
        raise InputError(f"paper={paper!r}: a card is A5 or A6.")
    if isinstance(languages, Mapping):
        chosen: Sequence[CardLanguage] = (
            english(languages, points=set(tool.points) != {1}),
        )
    else:
        chosen = languages
    _check(tool, chosen)
    accuracy = _accuracy(tool)
    for size in _SIZES[paper]:
        card = QuickCard(
            items=tool.items,
            points=tool.points,
            threshold=tool.threshold,
            languages=tuple(chosen),
            contact=contact,
            accuracy=accuracy,
            paper=paper,
            type_size=size,
        )
        if _height(card) <= _PAPERS[paper][1] - 2 * _MARGIN:
            return card
    raise InputError(
        f"The text needs about {_height(card):.0f} mm and {paper} has "
        f"{_PAPERS[paper][1] - 2 * _MARGIN:.0f} mm: shorten the questions, take fewer "
        "languages to a card, or print on A5."
    )


def render(card: QuickCard) -> str:
    """Return the card as one HTML page without scripts, links or other files."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from sentinel.disclosure.escaping import escape_text

    environment = Environment(
        loader=PackageLoader("sentinel.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # escape_text also drops invisible controls, which could reorder a question.
    from markupsafe import Markup

    environment.filters["safe_text"] = lambda text: Markup(escape_text(text))
    width, height = _PAPERS[card.paper]
    return environment.get_template("quickcard.html.j2").render(
        card=card,
        width=width,
        height=height,
        margin=_MARGIN,
        plain=set(card.points) == {1},
        acts=[_act(card, language) for language in card.languages],
    )


def write_quickcard(card: QuickCard, path: Path) -> Path:
    """Release the card, whole or not at all; returns the path."""
    from sentinel.disclosure import release_file

    return release_file(path, render(card), allowed=(card.contact,))


def _act(card: QuickCard, language: CardLanguage) -> str:
    return language.act.replace("{threshold}", str(card.threshold))


def _check(tool: ScreeningTool, languages: Sequence[CardLanguage]) -> None:
    problems = []
    if not 1 <= len(languages) <= 3:
        problems.append(f"{len(languages)} languages came, one to three fit")
    if len(tool.items) > _MOST:
        problems.append(f"{len(tool.items)} items came, {_MOST} fit")
    for place, language in enumerate(languages):
        stray = sorted(set(language.questions) - set(tool.items))
        if stray:
            problems.append(
                f"{language.name}: {', '.join(stray)} are not items of the tool"
            )
        missing = [
            item for item in tool.items if not language.questions.get(item, "").strip()
        ]
        if missing and place == 0:
            problems.append(f"{language.name}: no question for {', '.join(missing)}")
    if problems:
        raise InputError("The card cannot be made: " + "; ".join(problems) + ".")


def _accuracy(tool: ScreeningTool) -> str:
    """Return what to expect of 100 persons, in fives; nothing from a small sample."""
    found = tool.get(measure="sensitivity", basis="cross_validated")
    passed = tool.get(measure="specificity", basis="cross_validated")
    if min(found.n_obs, passed.n_obs) < _MINIMUM_CELL:
        return ""
    hits, alarms = _in_fives(found.estimate), _in_fives(1 - passed.estimate)
    return f"Of 100 cases about {hits} are found; of 100 others about {alarms} flagged."


def _in_fives(share: float) -> int:
    return int(5 * math.floor(20 * share + 0.5))


def _height(card: QuickCard) -> float:
    """Return how many millimetres the card's text needs, a little too many."""
    line = 1.28 * card.type_size * _MILLIMETRES
    wide = _PAPERS[card.paper][0] - 2 * _MARGIN
    # The mean letter is about half as wide as the type is high; boxes take their part.
    letters = wide / (0.52 * card.type_size * _MILLIMETRES)
    total = 2.6 * line + _lines(card.accuracy, letters * 1.45) * line * 0.75
    for place, language in enumerate(card.languages):
        scale = 1.0 if place == 0 else 0.8
        for item in card.items:
            question = language.questions.get(item, "")
            total += _lines(question, (letters - 7) / scale) * line * scale + (
                0.55 * line if place == 0 else 0.1 * line
            )
        standing = (language.before, _act(card, language), language.otherwise)
        for text in standing:
            if text or place:
                total += (_lines(text, letters / (0.85 * scale)) + 0.25) * line * scale
    return total + 2.4 * line


def _lines(text: str, letters: float) -> int:
    return max(1, math.ceil(len(text) / letters))

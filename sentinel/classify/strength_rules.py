"""Rules on how many strong, medium and weak indicators hold, unknowns respected.

A rule is a small expression over the counts ``S``, ``M``, ``W`` (and ``N``, all of them
together). Where indicators are unknown, every count that they allow is tried: the rule
is yes or no only if all of them agree, which no formula by formula logic can better.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from estimators.errors import InputError
from sentinel.classify._kernels import settle_counts
from sentinel.classify.syntax_tree import (
    AllOf,
    AnyOf,
    Arithmetic,
    AtLeast,
    Comparison,
    Condition,
    CountRule,
    Expression,
    Literal,
    Negation,
    Parameter,
    Variable,
    walk,
)

if TYPE_CHECKING:
    from estimators.array_types import IntVector

__all__ = [
    "COUNTS",
    "STRENGTHS",
    "apply_count_rule",
    "count_rule_faults",
    "rule_table",
    "settle_rule",
]

TruthMatrix: TypeAlias = npt.NDArray[np.int8]
Grid: TypeAlias = npt.NDArray[Any]

STRENGTHS = ("strong", "medium", "weak")
COUNTS = ("S", "M", "W", "N")
MOST = 255

_OPERATORS: Mapping[str, Callable[..., Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


def count_rule_faults(rule: Expression) -> Iterator[str]:
    """Yield what a rule on counts holds that it may not, as "expected" phrases."""
    for node in walk(rule):
        if isinstance(node, Variable) and node.name not in COUNTS:
            yield f"the counts S, M, W, N; there is no strength {node.name}"
        elif isinstance(node, Literal) and np.isnan(node.number):
            yield f"a number beside a count, not {node.text!r}"
        elif not isinstance(
            node,
            Variable | Literal | Parameter | Arithmetic | Comparison
            | Negation | AllOf | AnyOf | AtLeast,
        ):  # fmt: skip
            yield "comparisons of the counts S, M, W, N"


def rule_table(
    rule: Expression,
    sizes: tuple[int, int, int],
    parameters: Mapping[str, float] | None = None,
) -> npt.NDArray[np.bool_]:
    """Return where a rule holds, for every number of strong, medium and weak.

    Parameters
    ----------
    rule : Condition
        From `parse_expression`, over S, M, W and N.
    sizes : tuple of int
        How many strong, medium and weak indicators there are.
    parameters : mapping of str to float
        Values of ``$name``.

    Returns
    -------
    ndarray of bool, shape (sizes[0] + 1, sizes[1] + 1, sizes[2] + 1)

    Examples
    --------
    >>> from sentinel.classify.expressions import parse_expression
    >>> rule = parse_expression("S >= 2 or (S >= 1 and M + W >= 1)")
    >>> rule_table(rule, (2, 1, 0))[:, :, 0].tolist()
    [[False, False], [False, True], [True, True]]
    """
    counts = np.indices([size + 1 for size in sizes])
    values = dict(zip(COUNTS, [*counts, counts.sum(axis=0)], strict=True))
    shape = counts.shape[1:]
    held = _on_grid(rule, values, parameters or {})
    return np.broadcast_to(np.asarray(held, dtype=bool), shape)


def apply_count_rule(
    truths: TruthMatrix, strengths: Sequence[str], table: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int8]:
    """Return whether a rule on counts holds, for every person.

    Parameters
    ----------
    truths : ndarray of int8, shape (indicators, persons)
        0 no, 1 unknown, 2 yes; one row per indicator, so that each is read in one run.
    strengths : sequence of str
        "strong", "medium" or "weak" of every indicator.
    table : ndarray of bool
        From `rule_table`, at least as large as the numbers of indicators need.

    Returns
    -------
    ndarray of int8, shape (persons,)
        0 no, 1 unknown, 2 yes: settled where every value that the unknown indicators
        could have gives the same.

    Raises
    ------
    InputError
        If a strength does not exist or the shapes do not fit.

    Examples
    --------
    >>> from sentinel.classify.expressions import parse_expression
    >>> table = rule_table(parse_expression("S >= 1 and M + W >= 1"), (1, 1, 0))
    >>> truths = np.array([[2, 2, 1], [2, 1, 0]], dtype=np.int8)
    >>> apply_count_rule(truths, ["strong", "medium"], table).tolist()
    [2, 1, 0]
    """
    strange = sorted(set(strengths) - set(STRENGTHS))
    if strange:
        raise InputError(
            f"strengths are {', '.join(STRENGTHS)}; these are not: {', '.join(strange)}"
        )
    needed = tuple(strengths.count(name) + 1 for name in STRENGTHS)
    fits = all(have >= want for have, want in zip(table.shape, needed, strict=True))
    if truths.ndim != len(("indicator", "person")) or len(strengths) != len(truths):
        raise InputError(
            f"truths have shape {truths.shape}; {len(strengths)} rows, one per "
            "strength, were expected."
        )
    if not fits or len(strengths) > MOST:
        raise InputError(
            f"the table of the rule has shape {table.shape}, but the indicators need "
            f"{needed} (at most {MOST} indicators): make it with rule_table."
        )
    axes: IntVector = np.array(
        [STRENGTHS.index(name) for name in strengths], dtype=np.int64
    )
    settled = np.empty(truths.shape[1], dtype=np.int8)
    settle_counts(np.ascontiguousarray(truths), axes, _sums(table), settled)
    return settled


def settle_rule(
    node: CountRule,
    named: Mapping[str, npt.NDArray[np.int8]],
    parameters: Mapping[str, float],
    n_rows: int,
) -> npt.NDArray[np.int8]:
    """Return the truth of a dimension's rule from those of its indicators.

    Indicators without a strength are counted in N only; a rule of N alone gives them
    the place of the weak ones.
    """
    strengths = (
        ["strong"] * len(node.strong)
        + ["medium"] * len(node.medium)
        + ["weak"] * (len(node.weak) + len(node.unweighted))
    )
    rows = [named[item.name] for item in node.members]
    truths = np.stack(rows) if rows else np.empty((0, n_rows), np.int8)
    table = _rule_table(
        node.rule,
        (strengths.count("strong"), strengths.count("medium"), strengths.count("weak")),
        tuple(sorted(parameters.items())),
    )
    return apply_count_rule(truths, strengths, table)


@lru_cache
def _rule_table(
    rule: Condition,
    sizes: tuple[int, int, int],
    parameters: tuple[tuple[str, float], ...],
) -> npt.NDArray[np.bool_]:
    """Return a rule's table, made once for all blocks of persons."""
    return rule_table(rule, sizes, dict(parameters))


def _sums(table: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return how often the rule holds below each corner: boxes in eight look-ups."""
    sums = np.zeros([size + 1 for size in table.shape], dtype=np.int64)
    sums[1:, 1:, 1:] = table.astype(np.int64).cumsum(0).cumsum(1).cumsum(2)
    return sums


def _on_grid(
    node: Expression, counts: Mapping[str, Grid], parameters: Mapping[str, float]
) -> Grid:
    if isinstance(node, Variable):
        return counts[node.name]
    if isinstance(node, Literal):
        return np.asarray(node.number)
    if isinstance(node, Parameter):
        return np.asarray(parameters[node.name])
    if isinstance(node, Comparison | Arithmetic):
        left, right = (
            _on_grid(side, counts, parameters) for side in (node.left, node.right)
        )
        result: Grid = _OPERATORS[node.operator](left, right)
        return result
    if isinstance(node, Negation):
        return np.logical_not(_on_grid(node.item, counts, parameters))
    if isinstance(node, AllOf | AnyOf | AtLeast):
        shape = np.shape(counts["N"])
        parts = np.stack(
            [
                np.broadcast_to(_on_grid(item, counts, parameters), shape)
                for item in node.items
            ]
        )
        if isinstance(node, AtLeast):
            return np.asarray(parts.sum(axis=0) >= node.count)
        return np.asarray(
            parts.all(axis=0) if isinstance(node, AllOf) else parts.any(axis=0)
        )
    raise InputError("a rule on counts compares S, M, W and N only.")

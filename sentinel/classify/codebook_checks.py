"""Whether a condition fits the codebook: its variables, their kinds and codes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sentinel.classify.definitions import variables_of
from sentinel.classify.syntax_tree import (
    Comparison,
    Expression,
    Literal,
    Member,
    Reference,
    Selected,
    SelectedCount,
    Variable,
    walk,
)

if TYPE_CHECKING:
    from sentinel.schema import variables as schema

__all__ = ["AGE_AT_DEPARTURE", "check_condition"]

AGE_AT_DEPARTURE = "age_at_departure"
_ORDERED = frozenset({"<", "<=", ">", ">="})


def check_condition(condition: Expression, codebook: schema.Codebook) -> Iterator[str]:
    """Yield what was expected wherever a condition does not fit the codebook."""
    for node in walk(condition):
        if isinstance(node, Reference):
            yield (
                f"{node.name} to be compared with something: this condition reads "
                "answers, not other conditions"
            )
    for name in variables_of(condition):
        if name not in codebook and name != AGE_AT_DEPARTURE:
            yield f"variables of codebook {codebook.name}; it has no {name}"
    for node in walk(condition):
        yield from _node_findings(node, codebook)


def _node_findings(node: Expression, codebook: schema.Codebook) -> Iterator[str]:
    if isinstance(node, Comparison):
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(one, Variable) and one.name in codebook:
                yield from _comparison_findings(
                    node.operator, codebook[one.name], other
                )
    elif isinstance(node, Member | Selected | SelectedCount):
        variable = codebook.get(node.variable)
        if variable is None:
            return
        is_multiple = not isinstance(node, Member)
        if (variable.kind == "multi") != is_multiple:
            wanted = "selected(...)" if variable.kind == "multi" else "= or 'in {...}'"
            yield (f"{wanted} for {node.variable}, whose kind is {variable.kind}")
        for code in node.codes:
            yield from _code_findings(variable, code)


def _comparison_findings(
    sign: str, variable: schema.Variable, other: Expression
) -> Iterator[str]:
    if variable.is_numeric:
        if isinstance(other, Literal) and math.isnan(other.number):
            yield (f"a number beside {variable.name}, not {other.text!r}")
        return
    if variable.kind == "multi":
        yield (f"selected({variable.name}, ...), because it holds several answers")
    elif sign in _ORDERED or not isinstance(other, Literal):
        yield (f"{variable.name} = code or != code: its values are codes")
    else:
        yield from _code_findings(variable, other.text)


def _code_findings(variable: schema.Variable, code: str) -> Iterator[str]:
    if code in variable.missing:
        yield (
            f"answers; {variable.name} = {code} means "
            f"{variable.missing[code].name.lower()}, which is unknown"
        )
    elif variable.codes and code not in variable.codes:
        yield (f"{variable.expected()} for {variable.name}, not {code!r}")

"""What must hold in a case definition beyond its syntax."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from sentinel.classify.definitions import (
    Definition,
    Indicator,
    parameters_of,
    variables_of,
)
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

__all__ = ["AGE_AT_DEPARTURE", "check_against_codebook", "check_names"]

Finding: TypeAlias = tuple[str, str, str]
"""Section, name, what was expected."""

AGE_AT_DEPARTURE = "age_at_departure"
UNWEIGHTED = "unweighted"
_ORDERED = frozenset({"<", "<=", ">", ">="})


def check_names(definition: Definition) -> Iterator[Finding]:
    """Yield names that are used but not defined, defined twice, or never used."""
    yield from _twice(definition)
    codes = {item.code for item in definition.indicators}
    dimensions = codes | {item.name for item in definition.dimensions}
    everything = dimensions | set(definition.outcome_names)
    for indicator in definition.indicators:
        for name in _references(indicator.condition):
            yield (
                "indicators",
                indicator.code,
                f"{name} to be compared with something: an indicator reads answers, "
                "not other conditions",
            )
    groups = (
        ("dimensions", definition.dimensions, dimensions),
        ("outcomes", definition.outcomes, everything),
        ("tiers", tuple(definition.tiers.values()), everything),
    )
    for section, items, known in groups:
        for item in items:
            for name in _references(item.condition):
                if name not in known:
                    yield section, item.name, f"defined names; {name} is not defined"
            for name in variables_of(item.condition):
                yield (
                    section,
                    item.name,
                    f"names of conditions only; put {name} into an indicator",
                )
    yield from _parameter_findings(definition)
    yield from _combined_unweighted(definition)


def check_against_codebook(
    definition: Definition, codebook: schema.Codebook
) -> Iterator[Finding]:
    """Yield variables and codes that the codebook does not have."""
    for indicator in definition.indicators:
        for name in variables_of(indicator.condition):
            if name not in codebook and name != AGE_AT_DEPARTURE:
                yield (
                    "indicators",
                    indicator.code,
                    f"variables of codebook {codebook.name}; it has no {name}",
                )
        for node in walk(indicator.condition):
            yield from _node_findings(indicator, node, codebook)


def _combined_unweighted(definition: Definition) -> Iterator[Finding]:
    """Yield conditions that combine indicators which their framework does not weigh."""
    alone = {
        item.code: {item.code}
        for item in definition.indicators
        if item.strength == UNWEIGHTED
    }
    reached: dict[str, set[str]] = dict(alone)
    groups = (
        ("dimensions", definition.dimensions),
        ("outcomes", definition.outcomes),
        ("tiers", tuple(definition.tiers.values())),
    )
    for section, items in groups:
        for item in items:
            found: set[str] = set()
            for name in _references(item.condition):
                found |= reached.get(name, set())
            reached[item.name] = found
            if len(found) > 1:
                yield (
                    section,
                    item.name,
                    f"one indicator at a time: {', '.join(sorted(found))} have no "
                    "official weight or cut-off, so that no 'k of n' may be made "
                    "of them",
                )


def _twice(definition: Definition) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    named = [
        *(("indicators", item.code) for item in definition.indicators),
        *(("dimensions", item.name) for item in definition.dimensions),
        *(("outcomes", item.name) for item in definition.outcomes),
    ]
    for section, name in named:
        if name in seen:
            yield section, name, f"a name of its own; {seen[name]} has {name} too"
        seen.setdefault(name, section)


def _references(condition: Expression) -> list[str]:
    return [node.name for node in walk(condition) if isinstance(node, Reference)]


def _parameter_findings(definition: Definition) -> Iterator[Finding]:
    needed = {
        name: item.name
        for item in (*definition.dimensions, *definition.outcomes)
        for name in parameters_of(item.condition)
    } | {
        name: indicator.code
        for indicator in definition.indicators
        for name in parameters_of(indicator.condition)
    }
    for setting, values in definition.settings.items():
        for name, code in needed.items():
            if name not in values:
                yield "settings", setting, f"a value of {name}, which {code} uses"
        for name in values:
            if name not in needed and not any(
                f"${name}" in item.text for item in definition.switched_off
            ):
                yield "settings", setting, f"used parameters only; no one uses {name}"
    if "base" not in definition.settings:
        yield "settings", "base", "a setting called base"


def _node_findings(
    indicator: Indicator, node: Expression, codebook: schema.Codebook
) -> Iterator[Finding]:
    if isinstance(node, Comparison):
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(one, Variable) and one.name in codebook:
                yield from _comparison_findings(
                    indicator, node.operator, codebook[one.name], other
                )
    elif isinstance(node, Member | Selected | SelectedCount):
        variable = codebook.get(node.variable)
        if variable is None:
            return
        is_multiple = not isinstance(node, Member)
        if (variable.kind == "multi") != is_multiple:
            wanted = "selected(...)" if variable.kind == "multi" else "= or 'in {...}'"
            yield (
                "indicators",
                indicator.code,
                f"{wanted} for {node.variable}, whose kind is {variable.kind}",
            )
        for code in node.codes:
            yield from _code_findings(indicator, variable, code)


def _comparison_findings(
    indicator: Indicator, sign: str, variable: schema.Variable, other: Expression
) -> Iterator[Finding]:
    if variable.is_numeric:
        if isinstance(other, Literal) and math.isnan(other.number):
            yield (
                "indicators",
                indicator.code,
                f"a number beside {variable.name}, not {other.text!r}",
            )
        return
    if variable.kind == "multi":
        yield (
            "indicators",
            indicator.code,
            f"selected({variable.name}, ...), because it holds several answers",
        )
    elif sign in _ORDERED or not isinstance(other, Literal):
        yield (
            "indicators",
            indicator.code,
            f"{variable.name} = code or != code: its values are codes",
        )
    else:
        yield from _code_findings(indicator, variable, other.text)


def _code_findings(
    indicator: Indicator, variable: schema.Variable, code: str
) -> Iterator[Finding]:
    if code in variable.missing:
        yield (
            "indicators",
            indicator.code,
            f"answers; {variable.name} = {code} means "
            f"{variable.missing[code].name.lower()}, which is unknown",
        )
    elif variable.codes and code not in variable.codes:
        yield (
            "indicators",
            indicator.code,
            f"{variable.expected()} for {variable.name}, not {code!r}",
        )

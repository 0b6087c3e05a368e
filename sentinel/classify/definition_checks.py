"""What must hold in a case definition beyond its syntax."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from sentinel.classify.codebook_checks import check_condition
from sentinel.classify.definitions import Definition, parameters_of, variables_of
from sentinel.classify.syntax_tree import Expression, Reference, walk

if TYPE_CHECKING:
    from sentinel.schema import variables as schema

__all__ = ["check_against_codebook", "check_names"]

Finding: TypeAlias = tuple[str, str, str]
"""Section, name, what was expected."""

UNWEIGHTED = "unweighted"


def check_names(definition: Definition) -> Iterator[Finding]:
    """Yield names that are used but not defined, defined twice, or never used."""
    yield from _twice(definition)
    codes = {item.code for item in definition.indicators}
    dimensions = codes | {item.name for item in definition.dimensions}
    everything = dimensions | set(definition.outcome_names)
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
        for expected in check_condition(indicator.condition, codebook):
            yield "indicators", indicator.code, expected


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

"""The tree of a case definition's expression."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from sentinel.schema.trees import preorder

__all__ = [
    "OPERANDS",
    "AllOf",
    "AnyOf",
    "Arithmetic",
    "AtLeast",
    "Comparison",
    "Condition",
    "CountRule",
    "Expression",
    "Literal",
    "Member",
    "Negation",
    "Operand",
    "Parameter",
    "Reference",
    "Selected",
    "SelectedCount",
    "Unmeasured",
    "Variable",
    "children",
    "walk",
]


@dataclass(frozen=True, slots=True)
class Literal:
    """A number or a code as written; codes are compared as text."""

    text: str

    @property
    def number(self) -> float:
        """The value as a number; NaN for a code that is none."""
        try:
            return float(self.text)
        except ValueError:
            return float("nan")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value of the chosen setting, written ``$name``."""

    name: str


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the codebook in a place where a value is needed."""

    name: str


@dataclass(frozen=True, slots=True)
class SelectedCount:
    """How many of the listed codes a multiple answer holds."""

    variable: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Sum, difference or product of two values."""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Reference:
    """A condition by name: an indicator, dimension or outcome."""

    name: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values compared."""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Member:
    """A variable is one of the listed codes."""

    variable: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Selected:
    """A multiple answer holds at least one of the listed codes."""

    variable: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """Not."""

    item: Condition


@dataclass(frozen=True, slots=True)
class AllOf:
    """And."""

    items: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Or."""

    items: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AtLeast:
    """At least `count` of the conditions hold."""

    count: int
    items: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class CountRule:
    """A rule on how many strong, medium and weak conditions hold.

    `rule` reads the counts as variables: S, M, W, and N for all of them together.
    """

    strong: tuple[Reference, ...]
    medium: tuple[Reference, ...]
    weak: tuple[Reference, ...]
    unweighted: tuple[Reference, ...]
    rule: Condition

    @property
    def members(self) -> tuple[Reference, ...]:
        """All conditions that are counted."""
        return (*self.strong, *self.medium, *self.weak, *self.unweighted)


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """What no question in use measures: unknown for everybody."""


Operand: TypeAlias = Literal | Parameter | Variable | SelectedCount | Arithmetic
Condition: TypeAlias = (
    Reference
    | Comparison
    | Member
    | Selected
    | Negation
    | AllOf
    | AnyOf
    | AtLeast
    | CountRule
    | Unmeasured
)
Expression: TypeAlias = Operand | Condition
OPERANDS = (Literal, Parameter, Variable, SelectedCount, Arithmetic)


def children(node: Expression) -> tuple[Expression, ...]:
    """Return the direct parts of a node."""
    if isinstance(node, AllOf | AnyOf | AtLeast):
        return node.items
    if isinstance(node, Negation):
        return (node.item,)
    if isinstance(node, CountRule):
        return node.members
    if isinstance(node, Comparison | Arithmetic):
        return (node.left, node.right)
    return ()


def walk(node: Expression) -> Iterator[Expression]:
    """Yield a node and everything below it."""
    return preorder(node, children)

"""The grammar of form expressions: the part of XPath 1.0 that XLSForms use.

Expressions are data from anyone: they are parsed into a small tree and never executed
as code. Length and depth are limited, so that no form can exhaust the reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from sentinel.schema.trees import preorder

__all__ = [
    "Binary",
    "Call",
    "Column",
    "Constant",
    "Negated",
    "Node",
    "OwnAnswer",
    "Reference",
    "conjuncts",
    "parse_expression",
    "references",
    "walk",
]

LONGEST = 10_000
DEEPEST = 60
# No blanks beside a part that may be blank itself: a cell of blanks would take hours.
_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>\d+(?:\.\d*)?|\.\d+)
  | (?P<text>"[^"]*"|'[^']*')
  | \$\{(?P<reference>[^{}]*)\}
  | (?P<name>[^\W\d][\w\-]*(?:\.[\w\-]+)*(?::[^\W\d][\w\-]*)?)
  | (?P<path>/[^\W\d][\w\-./]*|\.\./[\w\-./]*|\.\.)
  | (?P<sign>!=|<=|>=|[=<>+\-*(),.|/\[\]])
    )""",
    re.VERBOSE,
)
# Binary operators from the loosest to the tightest.
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("or",),
    ("and",),
    ("=", "!="),
    ("<", "<=", ">", ">="),
    ("+", "-"),
    ("*", "div", "mod"),
)
_WORDS = frozenset({"or", "and", "div", "mod"})


@dataclass(frozen=True, slots=True)
class Constant:
    """A text or a number."""

    value: str | float


@dataclass(frozen=True, slots=True)
class Reference:
    """``${name}``."""

    name: str


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """``.``, the answer to the question that the expression stands at."""


@dataclass(frozen=True, slots=True)
class Column:
    """A bare name: in a choice filter a column of the sheet of choices."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands and the sign between them."""

    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Negated:
    """Unary minus."""

    operand: Node


Node = Constant | Reference | OwnAnswer | Column | Call | Binary | Negated


class _Token(NamedTuple):
    kind: str
    text: str


@lru_cache(maxsize=4096)
def parse_expression(text: str) -> Node:
    """Return the tree of an expression.

    Raises
    ------
    ValueError
        If it is empty, too long or nested too deeply, or not of this grammar.

    Examples
    --------
    >>> parse_expression("${age} >= 18 and not(selected(${why}, 'debt'))").sign
    'and'
    """
    if len(text) > LONGEST:
        raise ValueError(f"an expression of {len(text)} characters")
    parser = _Parser(list(_tokens(text)))
    node = parser.binary(0)
    if parser.next.kind != "end":
        raise ValueError(f"{parser.next.text!r} is not expected there")
    return node


def references(text: str) -> tuple[str, ...]:
    """Return the names of questions that an expression refers to, each once.

    Examples
    --------
    >>> references("${a} = ${ b } or ${a} = 1")
    ('a', 'b')
    """
    names = (name.strip().rpartition("#")[2] for name in _REFERENCE.findall(text))
    return tuple(dict.fromkeys(names))


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and everything below it, the node itself first."""
    return preorder(node, _parts)


def conjuncts(node: Node) -> Iterator[Node]:
    """Yield the conditions that a condition joins by ``and``.

    Examples
    --------
    >>> tree = parse_expression(". > 1 and (. < 9 and . = 2)")
    >>> [part.sign for part in conjuncts(tree)]
    ['>', '<', '=']
    """

    def parts(here: Node) -> tuple[Node, ...]:
        return _parts(here) if _is_and(here) else ()

    return (part for part in preorder(node, parts) if not _is_and(part))


def _is_and(node: Node) -> bool:
    return isinstance(node, Binary) and node.sign == "and"


def _parts(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Call):
        return node.arguments
    if isinstance(node, Binary):
        return (node.left, node.right)
    return (node.operand,) if isinstance(node, Negated) else ()


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    text = text.rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            raise ValueError(f"{text[place : place + 10]!r} cannot be read")
        place = match.end()
        content = match[match.lastgroup]
        if match.lastgroup == "reference":
            content = content.strip()
        if match.lastgroup == "path":
            raise ValueError(f"{content!r} is a path; write ${{name}}")
        yield _Token(match.lastgroup, content)


class _Parser:
    """Recursive descent over the levels of `_LEVELS`."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0

    @property
    def next(self) -> _Token:
        if self._place < len(self._tokens):
            return self._tokens[self._place]
        return _Token("end", "the end")

    def take(self, sign: str = "") -> _Token:
        token = self.next
        if sign and (token.kind != "sign" or token.text != sign):
            raise ValueError(f"{sign!r} is expected before {token.text!r}")
        self._place += 1
        return token

    def binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self.unary()
        left = self.binary(level + 1)
        chained = 0
        while self._operator(level):
            sign = self.take().text
            left = Binary(sign, left, self.binary(level + 1))
            chained += 1
            if chained > LONGEST // DEEPEST:
                raise ValueError("more operators in a row than can be read")
        return left

    def unary(self) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ValueError(f"parentheses nested deeper than {DEEPEST}")
        try:
            if self.next == _Token("sign", "-"):
                self.take()
                return Negated(self.unary())
            return self._primary()
        finally:
            self._depth -= 1

    def _operator(self, level: int) -> bool:
        token = self.next
        kind = "name" if token.text in _WORDS else "sign"
        return token.kind == kind and token.text in _LEVELS[level]

    def _primary(self) -> Node:
        token = self.take()
        if token.kind == "number":
            return Constant(float(token.text))
        if token.kind == "text":
            return Constant(token.text[1:-1])
        if token.kind == "reference":
            if not token.text or "#" in token.text:
                raise ValueError(f"${{{token.text}}} cannot be known from an export")
            return Reference(token.text)
        if token.kind == "name":
            if self.next != _Token("sign", "("):
                return Column(token.text)
            return Call(token.text, self._arguments())
        if token == _Token("sign", "."):
            return OwnAnswer()
        if token == _Token("sign", "("):
            node = self.binary(0)
            self.take(")")
            return node
        raise ValueError(f"{token.text!r} is not expected there")

    def _arguments(self) -> tuple[Node, ...]:
        self.take("(")
        found: list[Node] = []
        if self.next != _Token("sign", ")"):
            found.append(self.binary(0))
            while self.next == _Token("sign", ","):
                self.take()
                found.append(self.binary(0))
        self.take(")")
        return tuple(found)

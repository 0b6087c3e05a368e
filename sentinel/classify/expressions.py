"""The small language of case definitions: text in, a checked tree out.

``pay_never = 1 or pay_received < $pay_share * pay_promised`` is a condition on the
answers of one person; ``exploited and (deceived or child)`` combines named conditions.
Nothing in it can run code, so a definition file from a stranger is safe to read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from estimators.errors import InputError
from sentinel.classify.syntax_tree import (
    OPERANDS,
    AllOf,
    AnyOf,
    Arithmetic,
    AtLeast,
    Comparison,
    Condition,
    Expression,
    Literal,
    Member,
    Negation,
    Operand,
    Parameter,
    Reference,
    Selected,
    SelectedCount,
    Variable,
)

__all__ = ["ExpressionError", "parse_expression"]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?![\w.]))|(?P<name>[A-Za-z_]\w*)"
    r"|\$(?P<parameter>[A-Za-z_]\w*)|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|(?P<sign><=|>=|!=|==|[<>=+*(){},-]))"
)
_COMPARISONS = frozenset({"=", "==", "!=", "<", "<=", ">", ">="})
_KEYWORDS = frozenset({"and", "or", "not", "in"})
_DEEPEST = 60
_FUNCTIONS = frozenset({"any", "all", "at_least", "selected", "selected_count"})


class ExpressionError(InputError):
    """An expression that cannot be read; `position` counts characters from 1."""

    def __init__(self, message: str, position: int) -> None:
        self.position = position
        super().__init__(f"{message} (character {position})")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


def parse_expression(text: str) -> Condition:
    """Return the tree of a condition.

    Parameters
    ----------
    text : str
        Comparisons (``= != < <= > >=``) of variables with numbers, codes, parameters
        ``$name`` and sums, differences or products of them; ``variable in {1, 2}``;
        ``selected(variable, 'code', ...)`` and ``selected_count(variable, ...)`` for
        multiple answers; ``and``, ``or``, ``not``, ``any(...)``, ``all(...)``,
        ``at_least(k, ...)`` and parentheses; names of other conditions.

    Raises
    ------
    ExpressionError
        With the position of the first thing that could not be read.

    Examples
    --------
    >>> parse_expression("free_quit = 0 or not watched")
    AnyOf(items=(Comparison(operator='=', left=Variable(name='free_quit'),
    right=Literal(text='0')), Negation(item=Reference(name='watched'))))
    """
    tokens = _tokens(text)
    openings = [token for token in tokens if token.text in {"(", "not"}]
    if len(openings) > _DEEPEST:
        raise ExpressionError(
            f"more than {_DEEPEST} parentheses and negations: name its parts",
            openings[_DEEPEST].position,
        )
    reader = _Reader(tokens, len(text) + 1)
    tree = _as_condition(reader.disjunction(), 1)
    rest = reader.peek()
    if rest is not None:
        raise ExpressionError(
            f"{rest.text!r} is not expected here: conditions are joined by 'and', 'or'",
            rest.position,
        )
    return tree


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while text[position:].strip():
        found = _TOKEN.match(text, position)
        if found is None or found.lastgroup is None:
            rest = text[position:]
            start = position + len(rest) - len(rest.lstrip())
            raise ExpressionError(f"{text[start]!r} is not understood", start + 1)
        kind, content = found.lastgroup, found[found.lastgroup]
        if kind == "name" and content in _KEYWORDS:
            kind = "keyword"
        tokens.append(_Token(kind, content, found.start(found.lastgroup) + 1))
        position = found.end()
    return tokens


class _Reader:
    """Recursive descent: one method per level of binding strength."""

    def __init__(self, tokens: list[_Token], end: int) -> None:
        self._tokens = tokens
        self._at = 0
        self._end = end

    def peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def disjunction(self) -> Expression:
        return self._joined("or", self._conjunction, AnyOf)

    def _conjunction(self) -> Expression:
        return self._joined("and", self._negation, AllOf)

    def _joined(
        self,
        word: str,
        part: Callable[[], Expression],
        node: type[AnyOf] | type[AllOf],
    ) -> Expression:
        position = self._position()
        first = part()
        if not self._next_is(word):
            return first
        items = [_as_condition(first, position)]
        while self._accept(word):
            position = self._position()
            items.append(_as_condition(part(), position))
        return node(tuple(items))

    def _negation(self) -> Expression:
        if self._accept("not"):
            position = self._position()
            return Negation(_as_condition(self._negation(), position))
        return self._comparison()

    def _comparison(self) -> Expression:
        position = self._position()
        left = self._sum()
        token = self.peek()
        if token is not None and token.kind == "sign" and token.text in _COMPARISONS:
            self._at += 1
            right_position = self._position()
            right = _as_operand(self._sum(), right_position)
            sign = "=" if token.text == "==" else token.text
            return Comparison(sign, _as_operand(left, position), right)
        if self._accept("in"):
            return Member(_variable_name(left, position), self._code_set())
        return left

    def _sum(self) -> Expression:
        return self._chain("+-", self._product)

    def _product(self) -> Expression:
        return self._chain("*", self._atom)

    def _chain(self, signs: str, part: Callable[[], Expression]) -> Expression:
        position = self._position()
        left = part()
        while (token := self.peek()) and token.kind == "sign" and token.text in signs:
            self._at += 1
            right_position = self._position()
            right = _as_operand(part(), right_position)
            left = Arithmetic(token.text, _as_operand(left, position), right)
        return left

    def _atom(self) -> Expression:
        token = self._next("a variable, a number, a code or '('")
        if token.kind in {"number", "text"}:
            return Literal(token.text.strip("'\""))
        if token.kind == "parameter":
            return Parameter(token.text)
        if token.kind == "sign" and token.text == "(":
            inner = self.disjunction()
            self._expect(")")
            return inner
        if token.kind != "name":
            raise ExpressionError(
                f"{token.text!r} came where a variable, a number, a code or '(' was "
                "expected",
                token.position,
            )
        return self._call(token) if self._next_is("(") else Variable(token.text)

    def _call(self, name: _Token) -> Expression:
        if name.text not in _FUNCTIONS:
            raise ExpressionError(
                f"there is no function {name.text!r}; there are "
                f"{', '.join(sorted(_FUNCTIONS))}",
                name.position,
            )
        self._expect("(")
        if name.text in {"selected", "selected_count"}:
            return self._selection(name.text)
        count = 0
        if name.text == "at_least":
            count = self._whole_number()
            self._expect(",")
        items = [self._argument()]
        while self._accept(","):
            items.append(self._argument())
        self._expect(")")
        if name.text == "at_least":
            return AtLeast(count, tuple(items))
        return AllOf(tuple(items)) if name.text == "all" else AnyOf(tuple(items))

    def _argument(self) -> Condition:
        position = self._position()
        return _as_condition(self.disjunction(), position)

    def _selection(self, function: str) -> Expression:
        position = self._position()
        variable = _variable_name(self._atom(), position)
        self._expect(",")
        codes = self._codes()
        self._expect(")")
        if function == "selected":
            return Selected(variable, codes)
        return SelectedCount(variable, codes)

    def _code_set(self) -> tuple[str, ...]:
        self._expect("{")
        codes = self._codes()
        self._expect("}")
        return codes

    def _codes(self) -> tuple[str, ...]:
        codes = [self._code()]
        while self._accept(","):
            codes.append(self._code())
        return tuple(codes)

    def _code(self) -> str:
        token = self._next("a code")
        if token.kind not in {"number", "text"}:
            raise ExpressionError(
                f"{token.text!r} is no code: write a number or 'text'", token.position
            )
        return token.text.strip("'\"")

    def _whole_number(self) -> int:
        token = self._next("a whole number")
        if token.kind != "number" or "." in token.text or int(token.text) == 0:
            raise ExpressionError(
                f"{token.text!r} came where a whole number >= 1 was expected",
                token.position,
            )
        return int(token.text)

    def _next(self, expected: str) -> _Token:
        token = self.peek()
        if token is None:
            raise ExpressionError(f"it ends where {expected} was expected", self._end)
        self._at += 1
        return token

    def _next_is(self, text: str) -> bool:
        token = self.peek()
        return (
            token is not None
            and token.text == text
            and token.kind in {"sign", "keyword"}
        )

    def _accept(self, text: str) -> bool:
        if not self._next_is(text):
            return False
        self._at += 1
        return True

    def _expect(self, sign: str) -> None:
        token = self._next(repr(sign))
        if token.text != sign or token.kind != "sign":
            raise ExpressionError(
                f"{token.text!r} came where {sign!r} was expected", token.position
            )

    def _position(self) -> int:
        token = self.peek()
        return self._end if token is None else token.position


def _as_condition(node: Expression, position: int) -> Condition:
    if isinstance(node, Variable):
        return Reference(node.name)
    if isinstance(node, OPERANDS):
        raise ExpressionError(
            "a value alone is neither yes nor no: compare it with something", position
        )
    return node


def _as_operand(node: Expression, position: int) -> Operand:
    if not isinstance(node, OPERANDS):
        raise ExpressionError("a condition came where a value was expected", position)
    return node


def _variable_name(node: Expression, position: int) -> str:
    if not isinstance(node, Variable):
        raise ExpressionError("the name of a variable was expected", position)
    return node.name

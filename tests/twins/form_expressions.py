"""Form expressions one row at a time, written from XPath 1.0 and the ODK documentation.

The twin of `sentinel.ingest.forms.evaluate`: it takes the tree that the parser made and
plain Python values, None standing for "not known".
"""

from __future__ import annotations

import math
from datetime import date

from sentinel.ingest.forms import xpath_syntax as syntax


class Number(str):
    """The text of an answer that a form stores as a number."""

    __slots__ = ()


def evaluate(node, answers):
    """Return a float, str or bool; None where it cannot be known."""
    if isinstance(node, syntax.Constant):
        return node.value
    if isinstance(node, syntax.Reference | syntax.OwnAnswer):
        return answers.get(getattr(node, "name", "."))
    if isinstance(node, syntax.Column):
        return answers.get(f"choice {node.name}")
    if isinstance(node, syntax.Negated):
        value = evaluate(node.operand, answers)
        return None if value is None else -number(value)
    if isinstance(node, syntax.Call):
        return call(node, answers)
    return binary(
        node.sign, evaluate(node.left, answers), evaluate(node.right, answers)
    )


def binary(sign, left, right):
    if sign in {"and", "or"}:
        return kleene(sign, left, right)
    if left is None or right is None:
        return None
    if sign in {"=", "!="}:
        return equal(left, right) == (sign == "=")
    a, b = number(left), number(right)
    if sign in {"<", "<=", ">", ">="}:
        return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[sign]
    return {"+": a + b, "-": a - b, "*": a * b}[sign]


def kleene(sign, left, right):
    sides = [None if side is None else truth(side) for side in (left, right)]
    decisive = sign == "or"
    if decisive in sides:
        return decisive
    return None if None in sides else not decisive


def equal(left, right):
    if isinstance(left, bool) or isinstance(right, bool):
        return truth(left) == truth(right)
    if isinstance(left, float) or isinstance(right, float):
        return number(left) == number(right)
    if (isinstance(left, Number) and left) or (isinstance(right, Number) and right):
        return number(left) == number(right)
    return str(left) == str(right)


def number(value):
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, float):
        return value
    try:
        return float(value)
    except ValueError:
        try:
            epoch = date(1970, 1, 1).toordinal()
            return float(date.fromisoformat(value[:10]).toordinal() - epoch)
        except ValueError:
            return math.nan


def truth(value):
    if isinstance(value, bool):
        return value
    if isinstance(value, float | Number):
        figure = number(value)
        return not (figure == 0 or math.isnan(figure))
    return value != ""


def text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)


def call(node, answers):
    given = [evaluate(argument, answers) for argument in node.arguments]
    if node.name in {"if", "coalesce"}:
        return chosen(node.name, given)
    if any(value is None for value in given):
        return None
    return FUNCTIONS[node.name](*given)


def chosen(name, given):
    if given[0] is None:
        return None
    if name == "if":
        return given[1] if truth(given[0]) else given[2]
    return given[0] if text(given[0]) != "" else given[1]


FUNCTIONS = {
    "selected": lambda answer, code: text(code) in text(answer).split(),
    "count-selected": lambda answer: float(len(text(answer).split())),
    "string-length": lambda answer: float(len(text(answer))),
    "not": lambda answer: not truth(answer),
    "number": number,
}

"""Three-valued logic one person at a time, written from Kleene's tables.

A condition is a nested tuple: ("and", a, b, ...), ("or", a, b, ...), ("not", a),
("at_least", k, a, ...), (sign, operand, operand), ("in", variable, values). An operand
is a number, a variable's name or (sign, operand, operand). True, False, None (unknown).
"""

import itertools
import operator

SIGNS = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul}


def truth(condition, person):
    """Return True, False or None for one person, a mapping of variable to value."""
    kind, *parts = condition
    if kind == "in":
        value = person[parts[0]]
        return None if value is None else value in parts[1]
    if kind in SIGNS:
        left, right = (operand(part, person) for part in parts)
        return None if left is None or right is None else SIGNS[kind](left, right)
    return combined(kind, parts, person)


def combined(kind, parts, person):
    """Return the truth of a condition that is made of conditions."""
    if kind == "not":
        inner = truth(parts[0], person)
        return None if inner is None else not inner
    if kind == "and":
        values = [truth(part, person) for part in parts]
        if False in values:
            return False
        return None if None in values else True
    if kind == "or":
        values = [truth(part, person) for part in parts]
        if True in values:
            return True
        return None if None in values else False
    values = [truth(part, person) for part in parts[1:]]
    if values.count(True) >= parts[0]:
        return True
    return None if values.count(True) + values.count(None) >= parts[0] else False


def operand(part, person):
    """Return the number that an operand stands for, None if unknown."""
    if isinstance(part, str):
        return person[part]
    if isinstance(part, tuple):
        sign, *sides = part
        left, right = (operand(side, person) for side in sides)
        return None if left is None or right is None else ARITHMETIC[sign](left, right)
    return part


def as_text(condition, *, sql=False):
    """Return the condition in the language of definitions, or as SQL."""
    kind, *parts = condition
    if kind == "not":
        return f"not ({as_text(parts[0], sql=sql)})"
    if kind in {"and", "or"}:
        return f" {kind} ".join(f"({as_text(part, sql=sql)})" for part in parts)
    if kind == "at_least":
        listed = ", ".join(as_text(part, sql=sql) for part in parts[1:])
        return f"at_least({parts[0]}, {listed})"
    if kind == "in":
        listed = ", ".join(map(str, parts[1]))
        return f"{parts[0]} in ({listed})" if sql else f"{parts[0]} in {{{listed}}}"
    left, right = (operand_text(part) for part in parts)
    return f"{left} {kind} {right}"


def operand_text(part):
    """Return an operand as text; definitions and SQL write it alike."""
    if isinstance(part, tuple):
        sign, *sides = part
        left, right = map(operand_text, sides)
        return f"({left} {sign} {right})"
    return str(part)


def delphi(strong, medium, weak):
    """Return whether a dimension of the ILO / EC set of 2009 is positive."""
    if strong >= 2:
        return True
    if strong == 1:
        return medium + weak > 0
    return medium >= 3 or (medium == 2 and weak > 0)


def dimension(values, strengths, rule=delphi):
    """Return True, False or None for one person, trying every value of the unknowns."""
    open_places = [place for place, value in enumerate(values) if value is None]
    results = set()
    for filled in itertools.product([True, False], repeat=len(open_places)):
        complete = list(values)
        for place, value in zip(open_places, filled, strict=True):
            complete[place] = value
        counts = {"strong": 0, "medium": 0, "weak": 0}
        for value, strength in zip(complete, strengths, strict=True):
            counts[strength] += value
        results.add(rule(**counts))
    return results.pop() if len(results) == 1 else None

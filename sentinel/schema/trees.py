"""Walks over the trees of the package's small languages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

__all__ = ["preorder"]

Node = TypeVar("Node")


def preorder(root: Node, parts: Callable[[Node], Sequence[Node]]) -> Iterator[Node]:
    """Yield a node and everything below it, each before its parts, left to right.

    No recursion: the tree of a chain of operators is deeper than Python's stack.

    Examples
    --------
    >>> tree = {"+": ("a", "*"), "*": ("b", "c")}
    >>> "".join(preorder("+", lambda node: tree.get(node, ())))
    '+a*bc'
    """
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(parts(node))

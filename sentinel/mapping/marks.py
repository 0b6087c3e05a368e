"""The symbols of places: their shape by role, their size by number."""

from __future__ import annotations

from sentinel.mapping.curves import symbol_radius
from sentinel.mapping.scene import Layer, Node

__all__ = ["SQUARE", "SUPPRESSED", "mark_path", "mark_radius", "node_radius"]

SQUARE = 8.0
SUPPRESSED = 5.0
# A diamond of this half diagonal has the area of a circle of radius 1.
DIAMOND = 1.2533


def mark_radius(role: str, value: float, largest: float) -> float:
    """Return the radius of a circle, or the half diagonal of a diamond of its area."""
    radius = symbol_radius(value, largest)
    return DIAMOND * radius if role == "destination" else radius


def node_radius(node: Node, layer: Layer) -> float:
    """Return the half width of a place's symbol."""
    if node.role == "crossing":
        return SQUARE
    if node.n is None:
        return SUPPRESSED
    return mark_radius(node.role, node.n, layer.largest_node)


def mark_path(role: str, radius: float) -> str:
    """Return the SVG path of a symbol about the origin."""
    r = f"{radius:.2f}"
    if role == "crossing":
        return f"M-{r} -{r}H{r}V{r}H-{r}Z"
    if role == "destination":
        return f"M0 -{r}L{r} 0L0 {r}L-{r} 0Z"
    return f"M-{r} 0A{r} {r} 0 1 1 {r} 0A{r} {r} 0 1 1 -{r} 0Z"

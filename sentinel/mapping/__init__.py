"""Maps of protected flows: printed sheets and one offline interactive file."""

from sentinel.mapping.boundaries import match_boundaries, read_boundaries
from sentinel.mapping.gazetteer import load_places, normalise_name, resolve_places
from sentinel.mapping.interactive_map import interactive_map
from sentinel.mapping.maps import MapFile, draw_maps, save_figure
from sentinel.mapping.scene import Layer, Leg, Node, Scene, build_scene
from sentinel.mapping.static_map import static_flow_map
from sentinel.mapping.style import Words

__all__ = [
    "Layer",
    "Leg",
    "MapFile",
    "Node",
    "Scene",
    "Words",
    "build_scene",
    "draw_maps",
    "interactive_map",
    "load_places",
    "match_boundaries",
    "normalise_name",
    "read_boundaries",
    "resolve_places",
    "save_figure",
    "static_flow_map",
]

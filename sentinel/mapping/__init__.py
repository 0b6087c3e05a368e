"""Maps of protected numbers: printed sheets and one offline interactive file.

`draw_maps` draws ways, `draw_area_maps` places; both take what `sentinel.disclosure`
returns. The parts they are made of can be used alone.
"""

from sentinel.mapping.area_map import static_area_map
from sentinel.mapping.areas import Area, AreaMap, Cluster, area_layers, area_scene
from sentinel.mapping.boundaries import match_boundaries, read_boundaries
from sentinel.mapping.boundary_checks import check_maps
from sentinel.mapping.contiguity import contiguity_weights
from sentinel.mapping.gazetteer import load_places, normalise_name, resolve_places
from sentinel.mapping.hotspots import local_categories, scan_clusters
from sentinel.mapping.intensity_map import draw_intensity
from sentinel.mapping.interactive_map import interactive_map
from sentinel.mapping.maps import draw_maps, draw_sectors
from sentinel.mapping.multiples import small_multiples
from sentinel.mapping.place_sheets import draw_area_maps, draw_place_test
from sentinel.mapping.place_tests import PlaceTest, find_hotspots
from sentinel.mapping.sankey import Band, Stop, route_bands, sankey, sector_bands
from sentinel.mapping.saving import MapFile, save_figure
from sentinel.mapping.scene import Layer, Leg, Node, Scene, build_scene
from sentinel.mapping.static_map import static_flow_map
from sentinel.mapping.style import Words

__all__ = [
    "Area",
    "AreaMap",
    "Band",
    "Cluster",
    "Layer",
    "Leg",
    "MapFile",
    "Node",
    "PlaceTest",
    "Scene",
    "Stop",
    "Words",
    "area_layers",
    "area_scene",
    "build_scene",
    "check_maps",
    "contiguity_weights",
    "draw_area_maps",
    "draw_intensity",
    "draw_maps",
    "draw_place_test",
    "draw_sectors",
    "find_hotspots",
    "interactive_map",
    "load_places",
    "local_categories",
    "match_boundaries",
    "normalise_name",
    "read_boundaries",
    "resolve_places",
    "route_bands",
    "sankey",
    "save_figure",
    "scan_clusters",
    "sector_bands",
    "small_multiples",
    "static_area_map",
    "static_flow_map",
]

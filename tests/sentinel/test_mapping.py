from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
from html.parser import HTMLParser

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from pyproj import Transformer
from shapely.geometry import Point, box

from estimators.errors import InputError
from sentinel.disclosure import ReleasePolicy, protect_flows
from sentinel.disclosure.flows import ALL_ROUNDS
from sentinel.mapping import (
    Words,
    build_scene,
    draw_maps,
    interactive_map,
    load_places,
    match_boundaries,
    normalise_name,
    read_boundaries,
    resolve_places,
    save_figure,
    static_flow_map,
)
from sentinel.mapping.curves import flow_curve, line_width, nice_steps, symbol_radius
from sentinel.mapping.lettering import Box, place_labels
from sentinel.mapping.marks import mark_radius
from sentinel.mapping.projection import EARTH_RADIUS_KM, EqualArea

POLICY = ReleasePolicy()
NASTY = "<script>alert(1)</script> & \"quoted\" 'title' $money"


def study(seed=0):
    rng = np.random.default_rng(seed)
    rows = []
    for round_id, n in (("POI2009", 400), ("POI2010", 380)):
        origin = rng.choice(["KH-1", "KH-2", "KH-17", "KH-14", "KH-23"], n, p=ORIGINS)
        crossing = rng.choice(
            ["XB-POIPET", "XB-DAUNG", "XB-INFORMAL", ""], n, p=[0.7, 0.2, 0.07, 0.03]
        )
        target = rng.choice(["TH-10", "TH-20", "TH-11", "TH-90"], n, p=TARGETS)
        rows.append(
            pd.DataFrame(
                {
                    "round_id": round_id,
                    "origin": origin,
                    "crossing": crossing,
                    "destination": target,
                }
            )
        )
    table = pd.concat(rows)
    counted = table.groupby(list(table.columns)).size().rename("n").reset_index()
    return counted.assign(weight=counted["n"] * 200.0)


ORIGINS = [0.4, 0.3, 0.2, 0.09, 0.01]
TARGETS = [0.5, 0.3, 0.18, 0.02]


@pytest.fixture(scope="module")
def flows():
    return protect_flows(study(), POLICY)


@pytest.fixture(scope="module")
def scene(flows):
    return build_scene(flows, load_places(), minimum_cell=11)


@pytest.fixture(scope="module")
def page(scene):
    words = Words(title=NASTY, source=NASTY, notes=(NASTY,), simulated=True)
    return interactive_map(scene, words)


# projection ------------------------------------------------------------------------


def test_projection__equals_proj():
    ours = EqualArea(lat=13.0, lon=103.0)
    proj = Transformer.from_crs(
        "EPSG:4326",
        f"+proj=laea +lat_0=13 +lon_0=103 +R={EARTH_RADIUS_KM * 1000}",
        always_xy=True,
    )
    lat = np.linspace(-11, 53, 40)
    lon = np.linspace(73, 140, 40)
    x, y = ours.project(lat, lon)
    east, north = proj.transform(lon, lat)
    # The proj string carries the radius to the metre's tenth: 1e-9 relative.
    np.testing.assert_allclose(x, np.array(east) / 1000, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(y, np.array(north) / 1000, rtol=1e-9, atol=1e-6)


def test_projection__keeps_areas():
    ours = EqualArea(lat=13.0, lon=103.0)
    step = 0.01
    for lat, lon in ((5.0, 95.0), (13.0, 103.0), (25.0, 120.0)):
        corner = np.array([lat, lat, lat + step, lat + step])
        side = np.array([lon, lon + step, lon + step, lon])
        x, y = ours.project(corner, side)
        area = 0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))
        band = np.sin(np.radians(lat + step)) - np.sin(np.radians(lat))
        true = EARTH_RADIUS_KM**2 * np.radians(step) * band
        assert area == pytest.approx(true, rel=1e-6)


def test_projection__middle_across_the_antimeridian():
    middle = EqualArea.about(np.array([0.0, 0.0]), np.array([179.0, -179.0]))
    assert abs(middle.lon) == pytest.approx(180.0)


# places ----------------------------------------------------------------------------


def test_resolve__codes_then_names_and_nothing_is_guessed():
    places = load_places()
    found, problems = resolve_places(
        [
            "KH-1",
            "Bântéay Méanchey",
            "siem reap province",
            "Bangkok",
            "Savannakhet",
            "X",
        ],
        places,
        extra={"Krong Thep": "TH-10"},
    )
    assert found["KH-1"] == found["Bântéay Méanchey"] == "KH-1"
    assert found["siem reap province"] == "KH-17"
    assert found["Bangkok"] == "TH-10"
    assert found["Savannakhet"] == "LA-SV"
    assert [problem.value for problem in problems] == ["X"]
    assert all(problem.severity == "warning" for problem in problems)
    assert resolve_places(["Krong Thep"], places, {"Krong Thep": "TH-10"})[0] == {
        "Krong Thep": "TH-10"
    }


def test_resolve__a_name_of_two_places_is_no_match():
    places = pd.DataFrame(
        {"code": ["A-1", "B-1"], "name": ["San Marcos", "San Marcos"]}
    )
    found, problems = resolve_places(["San Marcos", "A-1"], places)
    assert found == {"A-1": "A-1"}
    assert "A-1, B-1" in next(iter(problems)).hint


def test_normalise__keeps_other_scripts():
    khmer = "\u1794\u17c9\u17c4\u1799\u1794\u17c9\u17c2\u178f"
    assert normalise_name(khmer)
    assert normalise_name("Qu\u1ea3ng Ninh") == "quang ninh"
    assert normalise_name("\u0110\u1ed3ng Nai") == "dong nai"


def test_places_file__extends_and_replaces(tmp_path):
    file = tmp_path / "places.csv"
    file.write_text(
        "code,name,level,country,lat,lon,aliases\n"
        "GT-13,Huehuetenango,admin1,GT,15.6,-91.6,Huehue\n"
        "KH-1,Poipet side,admin1,KH,13.7,102.9,\n",
        encoding="utf-8",
    )
    places = load_places(file).set_index("code")
    assert places.loc["KH-1", "name"] == "Poipet side"
    assert places.loc["GT-13", "lat"] == 15.6
    assert places.index.is_unique
    found, _ = resolve_places(["huehue"], places.reset_index())
    assert found == {"huehue": "GT-13"}


def test_places_file__every_problem_at_once(tmp_path):
    file = tmp_path / "places.csv"
    file.write_text(
        "code,name,level,country,lat,lon\nA,,admin1,GT,95,x\nA,b,admin1,GT,1,2\n"
    )
    with pytest.raises(InputError) as caught:
        load_places(file)
    text = str(caught.value)
    assert "places.csv:2:name" in text
    assert "places.csv:2:lat" in text
    assert "places.csv:2:lon" in text
    assert "places.csv:3:code" in text
    with pytest.raises(InputError, match="does not exist"):
        load_places(tmp_path / "nowhere.csv")


# geometry --------------------------------------------------------------------------


def test_widths_and_areas__are_linear_in_the_number():
    assert line_width(80, 100) == pytest.approx(2 * line_width(40, 100))
    big, small = symbol_radius(80, 100), symbol_radius(20, 100)
    assert (big / small) ** 2 == pytest.approx(4)
    # A diamond and a circle of one number have one area.
    diamond = mark_radius("destination", 50, 100)
    circle = mark_radius("origin", 50, 100)
    assert 2 * diamond**2 == pytest.approx(np.pi * circle**2, rel=1e-4)


def test_curve__bends_right_and_stops_short():
    there = flow_curve((0, 0), (100, 0), width=4, gaps=(10, 12), longest=100)
    back = flow_curve((100, 0), (0, 0), width=4, gaps=(10, 12), longest=100)
    # y points down: right of a way east is below, right of a way west is above.
    assert there.control[1] > 0 > back.control[1]
    assert np.hypot(*there.start) >= 10
    assert np.hypot(100 - there.tip[0], there.tip[1]) >= 12 - 1e-6
    assert there.end[0] < there.tip[0]
    longer = flow_curve((0, 0), (300, 0), width=4, gaps=(0, 0), longest=300)
    assert longer.control[1] / 300 > 0.12
    near = flow_curve((0, 0), (12, 0), width=13, gaps=(8, 8), longest=300)
    assert np.isfinite(np.array(near)).all()


def test_nice_steps__are_round_and_never_above():
    assert nice_steps(187) == [100, 50, 20]
    assert nice_steps(7) == [5, 2, 1]
    assert nice_steps(0) == []


def test_labels__do_not_cover_each_other():
    items = [(str(at), "Province", 50.0 + 3 * at, 50.0, 4.0) for at in range(8)]
    labels = place_labels(items, size=10, frame=Box(0, 0, 300, 300))
    assert 0 < len(labels) < 8


# scene -----------------------------------------------------------------------------


def test_scene__shows_protected_numbers_only(scene, flows):
    layer = next(item for item in scene.layers if item.round_id == "POI2009")
    rows = flows.origins.query("round_id == 'POI2009'").set_index("place")
    for node in layer.nodes:
        if node.role == "origin":
            assert (node.n is None) == bool(rows.loc[node.code, "suppressed"])
    assert all(leg.n >= 11 for leg in layer.legs)
    hidden = {node.code for node in layer.nodes if node.n is None}
    assert "KH-23" in hidden  # 1 % of 400
    assert any("official checkpoints" in note for note in layer.notes)
    assert {node.code for node in layer.nodes}.isdisjoint({"", "XB-INFORMAL", "OTHER"})


def test_scene__pooled_layer_is_last_and_everything_is_in_the_frame(scene):
    assert scene.layers[-1].round_id == ALL_ROUNDS
    for layer in scene.layers:
        for node in layer.nodes:
            assert 0 <= node.x <= 1000
            assert 0 <= node.y <= scene.height
    # Poipet to Songkhla (13.66 N to about 7 N) is some 750 km.
    nodes = {node.code: node for node in scene.layers[-1].nodes}
    gap = np.hypot(
        nodes["XB-POIPET"].x - nodes["TH-90"].x, nodes["XB-POIPET"].y - nodes["TH-90"].y
    )
    assert 650 < gap * scene.km_per_unit < 850


def test_scene__unknown_places_are_said_and_not_drawn(flows):
    places = load_places().query("code != 'KH-17'")
    scene = build_scene(flows, places, minimum_cell=11)
    assert set(scene.unplaced) == {"KH-17", "XB-INFORMAL"}
    assert any("KH-17" in note for note in scene.layers[0].notes)
    with pytest.raises(InputError, match="coordinates"):
        build_scene(flows, places.query("country == 'CN'"), minimum_cell=11)


# boundaries ------------------------------------------------------------------------


@pytest.fixture
def outline():
    return gpd.GeoDataFrame(
        {"pcode": ["KH-1", "KH-2"]},
        geometry=[box(102, 13, 104, 14), box(102, 12, 104, 13)],
        crs=4326,
    )


def test_boundaries__are_read_and_matched(tmp_path, outline, flows):
    file = tmp_path / "adm1.geojson"
    outline.to_file(file)
    read = read_boundaries(file, "pcode")
    assert read["code"].tolist() == ["KH-1", "KH-2"]
    problems = match_boundaries(read, {"KH-1", "KH-17"})
    assert [problem.value for problem in problems] == ["KH-17"]
    scene = build_scene(flows, load_places(), minimum_cell=11, boundaries=read)
    assert len(scene.outlines) == 2
    words = Words(title="t", boundaries="COD-AB 2024")
    assert any("COD-AB 2024" in line for line in words.below())
    assert 'class="outline"' in interactive_map(scene, words)


def test_boundaries__bad_files_get_one_clear_message(tmp_path, outline):
    with pytest.raises(InputError, match="does not exist"):
        read_boundaries(tmp_path / "none.gpkg", "pcode")
    text = tmp_path / "broken.geojson"
    text.write_text("not json")
    with pytest.raises(InputError, match="could not be read"):
        read_boundaries(text, "pcode")
    file = tmp_path / "adm1.gpkg"
    outline.to_file(file)
    with pytest.raises(InputError, match="pcode"):
        read_boundaries(file, "adm1_code")
    bare = tmp_path / "bare.parquet"
    outline.set_crs(None, allow_override=True).to_parquet(bare)
    with pytest.raises(InputError, match="coordinate reference system"):
        read_boundaries(bare, "pcode")
    points = tmp_path / "points.gpkg"
    gpd.GeoDataFrame({"pcode": ["a"]}, geometry=[Point(1, 1)], crs=4326).to_file(points)
    with pytest.raises(InputError, match="no polygon"):
        read_boundaries(points, "pcode")
    twice = tmp_path / "twice.gpkg"
    outline.assign(pcode="KH-1").to_file(twice)
    with pytest.raises(InputError, match="more than once"):
        read_boundaries(twice, "pcode")


# pictures --------------------------------------------------------------------------


def test_static__same_bytes_and_text_is_not_interpreted(scene, tmp_path):
    words = Words(title=NASTY, source="s")
    files = []
    for name in ("a.svg", "b.svg"):
        path = tmp_path / name
        save_figure(static_flow_map(scene, scene.layers[0], words), path)
        files.append(path.read_bytes())
    assert files[0] == files[1]
    assert b"<dc:date>" not in files[0]


def test_draw_maps__writes_every_round_and_one_page(flows, tmp_path):
    written = draw_maps(
        flows,
        load_places(),
        Words(title="Ways"),
        tmp_path / "maps",
        minimum_cell=11,
        titles={"POI2010": "Poipet 2010", "POI2009": "Poipet 2009"},
    )
    names = [item.path.name for item in written]
    assert names[:2] == ["flow_map_POI2010.svg", "flow_map_POI2010.png"]
    assert names[-1] == "flow_map.html"
    assert len(names) == 2 * 3 + 1
    assert all(item.path.stat().st_size > 2000 for item in written)
    assert "respondents from home province" in written[0].alt


# the interactive page --------------------------------------------------------------


class Outline(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.extend(attrs)


def test_page__asks_for_nothing(page):
    assert not re.search(
        r"https?:|//[a-z0-9.-]+\.[a-z]{2,}/|url\(|@import|import\(", page
    )
    outline = Outline()
    outline.feed(page)
    names = {name for name, _ in outline.attributes}
    assert not names & {"src", "href", "srcset", "action", "xlink:href", "style"}
    assert not any(name.startswith("on") for name in names)
    assert not set(outline.tags) & {"link", "img", "iframe", "object", "embed", "base"}


def test_page__policy_names_its_own_style_and_script_only(page):
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page).group(1)
    assert "default-src 'none'" in policy
    for tag in ("style", "script"):
        text = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL).group(1)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_page__text_is_escaped_and_warning_shown(page):
    assert "<script>alert" not in page
    assert (
        page.count("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;quoted&quot;")
        >= 3
    )
    assert "$money" in page
    assert "Simulated data, not a finding" in page


def test_page__holds_no_small_number(page):
    counts = re.findall(r"([\d,]+) respondents", page)
    assert counts
    assert min(int(count.replace(",", "")) for count in counts) >= 11
    cells = re.findall(r'<td class="n">([\d,]+)</td>', page)
    assert min(int(cell.replace(",", "")) for cell in cells) >= 11
    assert "withheld" in page


def test_page__every_symbol_is_named_for_those_who_cannot_see(page):
    drawn = re.findall(r'<g class="(?:leg|node)[^>]*>', page)
    assert drawn
    assert all("aria-label=" in tag and 'tabindex="0"' in tag for tag in drawn)
    assert 'lang="en"' in page
    assert 'name="viewport"' in page


DRIVE = """
<script>
(() => {
  const out = {};
  const one = (s) => document.querySelector(s);
  const map = one("#map"), view = one("#view");
  const shown = () => [...document.querySelectorAll("g.round")]
    .filter((g) => !g.hasAttribute("hidden")).length;
  const key = (k) => map.dispatchEvent(
    new KeyboardEvent("keydown", { key: k, bubbles: true, cancelable: true }));
  const before = view.getAttribute("transform");
  key("+"); key("ArrowLeft");
  out.moved = view.getAttribute("transform") !== before;
  key("0");
  out.back = view.getAttribute("transform") === before;
  document.querySelectorAll("input[name=round]")[1].click();
  out.rounds = shown();
  out.second = !one('g.round[data-round="1"]').hasAttribute("hidden");
  one("[data-switch=in]").click();
  out.layer = one('g.round[data-round="1"] .leg.in').classList.contains("off");
  one('g.round[data-round="1"] .node').focus();
  out.tip = one("#tip").classList.contains("on") && one("#tip").textContent.length > 10;
  one("[data-do=fit]").click();
  out.drawn = !map.outerHTML.includes("NaN");
  const tag = document.createElement("pre");
  tag.id = "result";
  tag.textContent = JSON.stringify(out);
  document.body.append(tag);
})();
</script></body>
"""


def test_page__driven_in_a_browser(page, tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium here to drive the page")
    file = tmp_path / "map.html"
    # The test's own script is let in beside the page's.
    file.write_text(
        re.sub("script-src '[^']+'", "script-src 'unsafe-inline'", page).replace(
            "</body>", DRIVE
        ),
        encoding="utf-8",
    )
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--enable-logging=stderr",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--window-size=1200,900",
        "--dump-dom",
        file.as_uri(),
    ]
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=True
    )
    told = re.search(r'<pre id="result">(.*?)</pre>', result.stdout).group(1)
    assert told == (
        '{"moved":true,"back":true,"rounds":1,"second":true,"layer":true,"tip":true,'
        '"drawn":true}'
    )
    assert "CONSOLE" not in result.stderr

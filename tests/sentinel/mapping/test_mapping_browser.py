"""The interactive file in Chromium: as a person drives it, with nothing to call."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sentinel.mapping import (
    Cluster,
    Words,
    area_layers,
    interactive_map,
    load_places,
)

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is absent")

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def browser():
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium here to drive the page")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=found, args=OPTIONS)
        yield running
        running.close()


HOTSPOTS = pd.DataFrame(
    {
        "place": ["KH-1", "KH-2", "KH-17", "KH-3"],
        "category": ["in a high cluster", "in a high cluster", "in no cluster", None],
        "detail": ["31.0 %, 120 respondents", "28.0 %, 90 respondents", "", ""],
        "suppressed": [False, False, False, True],
    }
)


@pytest.fixture(scope="module")
def file(scene, tmp_path_factory):
    frame = pd.DataFrame(
        {
            "place": ["KH-1", "KH-2", "KH-17"],
            "estimate": [0.2, 0.3, np.nan],
            "std_error": [0.02, 0.15, np.nan],
            "n_obs": [90, 20, 30],
            "suppressed": [False, False, True],
        }
    )
    places = load_places()
    areas = area_layers(frame, places, scene.plane, titles={"": "Prevalence"})
    (judged,) = area_layers(HOTSPOTS, places, scene.plane, titles={"": "Clusters"})
    cluster = Cluster(
        label="high risk, LLR 9.1", members=("KH-1", "KH-2"), p_value=0.01
    )
    judged = replace(judged, clusters=(cluster,), group="Prevalence")
    legs = scene.layers[0].legs
    apart = replace(
        scene.layers[0],
        title="Ways that stand out",
        legs=(replace(legs[0], group="1"), *legs[1:]),
        standing=1,
    )
    path = tmp_path_factory.mktemp("page") / "map.html"
    page = interactive_map(
        replace(scene, layers=(*scene.layers, apart)),
        Words(title="Ways", simulated=True),
        areas=[*areas, judged],
    )
    path.write_text(page, encoding="utf-8")
    return path


class Visit:
    """A page, and everything it said or asked for."""

    def __init__(self, browser, file, width, height):
        self.page = browser.new_page(viewport={"width": width, "height": height})
        self.said, self.asked = [], []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.url = file.as_uri()
        self.page.goto(self.url)

    def view(self):
        return self.page.locator("#view").get_attribute("transform")

    def shown(self):
        return self.page.locator("g.round:not([hidden])").get_attribute("data-round")

    def close(self):
        assert self.said == []
        assert self.asked == [self.url]
        assert "NaN" not in self.page.locator("#map").inner_html()
        self.page.close()


@pytest.fixture(params=[(1280, 900), (390, 844)], ids=["desktop", "phone"])
def visit(request, browser, file):
    visit = Visit(browser, file, *request.param)
    yield visit
    visit.close()


def test_browser__pan_zoom_hover_and_tell(visit):
    page = visit.page
    page.get_by_role("button", name="Whole map").click()
    whole = visit.view()
    page.get_by_role("button", name="Zoom in").click()
    near = visit.view()
    assert near != whole
    page.evaluate("scrollTo(0, 0)")
    box = page.locator("#map").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 3
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 25, steps=4)
    page.mouse.up()
    assert visit.view() != near
    page.get_by_role("button", name="Whole map").click()
    assert visit.view() == whole
    page.get_by_role("button", name="Fit").click()
    node = page.locator("g.round:not([hidden]) .node.origin:not(.hidden)").last
    node.hover()
    assert "respondents" in page.locator("#tip.on").inner_text()
    page.mouse.move(2, 2)
    assert page.locator("#tip.on").count() == 0


def test_browser__rounds_and_layers_switch(visit):
    page = visit.page
    choice = page.locator("#round")
    last = page.locator("#round option").count() - 1
    for at in range(last + 1):
        choice.select_option(str(at))
        assert visit.shown() == str(at)
        assert page.locator(".legend:not([hidden])").count() == 1
        assert page.locator(".subtitle:not([hidden])").count() == 1
    choice.select_option(label="Prevalence")
    place = page.locator("g.round:not([hidden]) .place")
    assert place.count() == 3
    assert place.first.is_visible()
    page.get_by_label("Places and their estimates").uncheck()
    assert not place.first.is_visible()
    # Switches that change nothing here are not offered.
    assert not page.get_by_label("Ways onward").is_visible()
    choice.select_option("0")
    leg = page.locator('g.round[data-round="0"] .leg.on')
    assert leg.count() > 0
    page.get_by_label("Ways onward").uncheck()
    assert page.locator('g.round[data-round="0"] .leg.on:not(.off)').count() == 0


def test_browser__clusters_are_told_by_hover_and_by_keyboard(visit):
    page = visit.page
    page.locator("#round").select_option(label="Clusters")
    drawn = page.locator("g.round:not([hidden])")
    assert (
        "in a cluster, high (2)" in page.locator(".legend:not([hidden])").inner_text()
    )
    assert "LLR 9.1, p = 0.01" in page.locator(".legend:not([hidden])").inner_text()
    places = drawn.locator(".place")
    assert places.count() == 4
    places.first.focus()
    seen = set()
    for _ in range(5):
        seen.add(page.locator("#tip.on").inner_text())
        page.keyboard.press("Tab")
    told = "\n".join(seen)
    assert "in a cluster, high\n31.0 %, 120 respondents" in told
    assert "Cluster 1\nhigh risk, LLR 9.1, p = 0.01" in told
    assert "Kampong Cham\nwithheld" in told
    badge = drawn.locator(".badge")
    badge.hover()
    assert page.locator("#tip.on").inner_text().startswith("Cluster 1")
    # The outline keeps off the symbols of its members, and holds no other, when near.
    for _ in range(2):
        page.get_by_role("button", name="Zoom in").click()
    inside = page.evaluate(
        """() => {
          const line = document.querySelector("g.round:not([hidden]) .loose");
          const marks = [...document.querySelectorAll("g.round:not([hidden]) .place")];
          return marks.map((mark) => {
            const [x, y] = mark.dataset.p.split(" ").map(Number);
            return [mark.dataset.tip.split("\\n")[1] || "",
                    line.isPointInFill(new DOMPoint(x, y))];
          });
        }"""
    )
    assert {held for said, held in inside if "high" in said} == {True}
    page.get_by_label("Outlines of clusters").uncheck()
    assert not badge.is_visible()


def test_browser__ways_that_stand_out_are_told(visit):
    page = visit.page
    page.locator("#round").select_option(label="Ways that stand out")
    legs = page.locator("g.round:not([hidden]) .leg")
    wide = page.locator("g.round:not([hidden]) .leg:not(.quiet)")
    assert wide.count() == 1
    assert legs.count() > 1
    wide.focus()
    assert "stands out: group 1" in page.locator("#tip.on").inner_text()
    assert "other ways" in page.locator(".legend:not([hidden])").inner_text()


def test_browser__a_map_out_of_sight_is_fitted_when_it_is_chosen(visit):
    page = visit.page
    page.locator("#round").select_option("0")
    for _ in range(8):
        page.get_by_role("button", name="Zoom in").click()
    near = visit.view()
    page.locator("#round").select_option(label="Clusters")
    assert visit.view() != near
    seen = page.evaluate(
        """() => {
          const frame = document.querySelector("#map").getBoundingClientRect();
          return [...document.querySelectorAll("g.round:not([hidden]) .place")]
            .map((mark) => mark.getBoundingClientRect())
            .every((box) => box.left >= frame.left && box.right <= frame.right
              && box.top >= frame.top && box.bottom <= frame.bottom);
        }"""
    )
    assert seen


def test_browser__everything_by_keyboard(visit):
    page = visit.page
    page.locator("#map").focus()
    page.keyboard.press("0")
    whole = visit.view()
    for key in ("+", "ArrowLeft", "ArrowDown"):
        before = visit.view()
        page.keyboard.press(key)
        if key == "+":
            assert visit.view() != before
    assert visit.view() != whole
    page.keyboard.press("-")
    page.keyboard.press("0")
    assert visit.view() == whole
    page.keyboard.press("Tab")
    here = page.evaluate(
        "() => [document.activeElement.getAttribute('aria-label'),"
        " document.activeElement.getAttribute('data-tip')]"
    )
    assert here[0]
    assert here[0] == here[1]
    assert page.locator("#tip.on").inner_text() == here[0]
    page.keyboard.press("Escape")
    assert page.locator("#tip.on").count() == 0
    # What has the focus can be seen: its outline or its stroke changes.
    page.locator("#round").focus()
    page.keyboard.press("ArrowDown")
    assert visit.shown() == "1"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != (
        "none"
    )


def test_browser__nothing_is_cut_off_at_any_width(visit):
    wide = visit.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
    visit.page.emulate_media(media="print")
    assert not visit.page.locator("form").is_visible()
    assert visit.page.locator("#map").is_visible()
    assert visit.page.locator(".legend:not([hidden])").is_visible()
    visit.page.emulate_media(media="screen")

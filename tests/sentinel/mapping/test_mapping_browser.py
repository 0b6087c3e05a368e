"""The interactive file in Chromium: as a person drives it, with nothing to call."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest

from sentinel.mapping import Words, area_layers, interactive_map, load_places

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
    path = tmp_path_factory.mktemp("page") / "map.html"
    page = interactive_map(scene, Words(title="Ways", simulated=True), areas=areas)
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
    place = page.locator(f'g.round[data-round="{last}"] .place')
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

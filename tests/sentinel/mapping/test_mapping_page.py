"""The page that asks for nothing, driven as a person would."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from sentinel.mapping import (
    Words,
    interactive_map,
)

NASTY = "<script>alert(1)</script> & \"quoted\" 'title' $money"


@pytest.fixture(scope="module")
def page(scene):
    words = Words(title=NASTY, source=NASTY, notes=(NASTY,), simulated=True)
    return interactive_map(scene, words)


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
